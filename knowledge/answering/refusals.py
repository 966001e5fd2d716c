"""What is said when nothing was found, in the language of the question. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

WORD = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True, slots=True)
class Refusal:
    """`searched` and `empty` take {where}; `searched` also {count}, a number."""

    not_found: str
    searched: str
    searched_one: str
    empty: str
    no_collection: str
    nearest: str
    page: str
    conjunction: str


REFUSALS = {
    "en": Refusal(
        "I could not find this in your documents.",
        "I searched {count} documents in {where}.",
        "I searched 1 document in {where}.",
        "There are no documents yet in {where}.",
        "There is no collection that you can search.",
        "The nearest pages, which may be about something else:",
        "page",
        "and",
    ),
    "de": Refusal(
        "Das habe ich in Ihren Dokumenten nicht gefunden.",
        "Durchsucht habe ich {count} Dokumente in {where}.",
        "Durchsucht habe ich 1 Dokument in {where}.",
        "In {where} gibt es noch keine Dokumente.",
        "Es gibt keine Sammlung, die Sie durchsuchen dürfen.",
        "Die nächstliegenden Stellen, die auch von anderem handeln können:",
        "Seite",
        "und",
    ),
    "fr": Refusal(
        "Je n'ai pas trouvé cela dans vos documents.",
        "J'ai cherché dans {count} documents de {where}.",
        "J'ai cherché dans 1 document de {where}.",
        "Il n'y a pas encore de documents dans {where}.",
        "Il n'y a aucune collection dans laquelle vous pouvez chercher.",
        "Les pages les plus proches, qui peuvent parler d'autre chose\u00a0:",
        "page",
        "et",
    ),
    "es": Refusal(
        "No he encontrado esto en sus documentos.",
        "He buscado en {count} documentos de {where}.",
        "He buscado en 1 documento de {where}.",
        "Todavía no hay documentos en {where}.",
        "No hay ninguna colección en la que pueda buscar.",
        "Las páginas más cercanas, que pueden tratar de otra cosa:",
        "página",
        "y",
    ),
    "it": Refusal(
        "Non ho trovato questo nei suoi documenti.",
        "Ho cercato in {count} documenti di {where}.",
        "Ho cercato in 1 documento di {where}.",
        "In {where} non ci sono ancora documenti.",
        "Non c'è nessuna raccolta in cui lei possa cercare.",
        "Le pagine più vicine, che possono parlare d'altro:",
        "pagina",
        "e",
    ),
    "nl": Refusal(
        "Dit heb ik niet in uw documenten gevonden.",
        "Ik heb {count} documenten in {where} doorzocht.",
        "Ik heb 1 document in {where} doorzocht.",
        "Er zijn nog geen documenten in {where}.",
        "Er is geen verzameling waarin u kunt zoeken.",
        "De dichtstbijzijnde pagina's, die over iets anders kunnen gaan:",
        "pagina",
        "en",
    ),
}
# Words of questions; what two languages share tells nothing and is left out.
TELLING = {
    "en": "what which who how when where why the is are does do did can could may must should i my our we you for of "
    "with to and",
    "de": "was welche welcher welches wer wie wann wo warum wieso der das ist sind hat haben kann können darf muss "
    "ich mein meine wir unser unsere für mit von und viele oft ein eine nicht zum zur im bei",
    "fr": "quel quelle quels quelles qui comment quand où pourquoi combien est sont peut puis dois je mon ma mes nous "
    "notre vous pour avec et les des une est-ce y dans au aux",
    "es": "qué cuál cuáles quién cómo cuándo dónde cuánto cuántos cuántas los las es son puedo puede debo mi mis "
    "nosotros nuestro para y el hay",
    "it": "cosa quale quali chi quando dove perché quanto quanti quante è sono posso può devo il gli mio mia noi "
    "della delle di ci",
    "nl": "wat welke wie hoe wanneer waar waarom hoeveel de het zijn kan mag moet ik mijn wij onze voor met van een "
    "niet op naar",
}
_SETS = {language: frozenset(words.split()) for language, words in TELLING.items()}


def language_of(question: str) -> str:
    """The language whose words it has most of; English when that can't be told."""
    words = [word.casefold() for word in WORD.findall(question)]
    counts = {language: sum(word in telling for word in words) for language, telling in _SETS.items()}
    best = max(counts, key=lambda language: counts[language])
    return best if counts[best] > counts["en"] else "en"


def words_for(question: str) -> Refusal:
    return REFUSALS[language_of(question)]
