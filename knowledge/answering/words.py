"""What a sentence says, in terms two texts can be compared by: stems, numbers, names, negations. Pure.

Made for many languages at once, so it is coarse: a stem is the first letters of a word without accents, scripts
without spaces give pairs of characters, and function words are known for a handful of languages.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache

from knowledge.providers.extractive import CJK, stem

STEM_LENGTH = 6
MOST_CAPITALS = 0.6  # of all words
LONGEST_TITLE = 4  # letters: what stands behind "Mrs." begins no sentence
WORD = re.compile(r"[^\W_]+(?:[.,’'\u00a0\u202f](?=\d)[^\W_]+|['’][^\W\d_]+)*")
_NUMBER = re.compile(r"\d+(?:[.,’'\u00a0\u202f]\d+)*")
_THOUSANDS = re.compile(r"\d{1,3}(?:([.,’'\u00a0\u202f])\d{3})(?:\1\d{3})*(?:[.,]\d{1,2})?")
_SPACED_THOUSANDS = re.compile(r"(?<![\d.,])(\d{1,3}) (?=\d{3}(?:\D|$))")
_RUN = re.compile(r"[\d.,]*\d|\D+")
_ORDINAL = re.compile(r"(\d+)(?:st|nd|rd|th|er|e|ème|º|ª)")
_CLAUSE_END = re.compile(
    r"[;:.!?—–()|；：。]"
    r"|,(?=\s+(?:and|but|so|which|that|who|except|unless|while|after|before|if|when|until|then|it|they|you|we|und|sondern"
    r"|außer|wenn|die|der|das|dass|es|sie|et|mais|sauf|qui|que|si|il|elle|y|pero|salvo|e|ma|se|en|maar|die|dat)\b)"
    r"|[，、]|\b(?:but|although|except|unless|aber|außer|sondern|mais|sauf|pero|salvo|maar)\b",
    re.IGNORECASE,
)
_CONDITION = re.compile(
    r"(?:^|(?<=[.;!?]\s))(?:if|when|unless|wenn|falls|sobald|si|quand|se|als|cuando)\b[^,.;]*(?=,)", re.IGNORECASE
)
_NOT_NEGATED = re.compile(
    r"\bno(?:t)? (?:more|less|fewer|later|earlier|longer|only|just|under)\b|\bnicht (?:mehr|weniger|nur|später)\b"
    r"|\bpas (?:plus|moins|seulement)\b|\bno (?:más|menos|sólo|solo)\b|\bNo\. ?\d",
    re.IGNORECASE,
)
_NEGATION = re.compile(
    r"\b(?:not|no|never|none|neither|nobody|nothing|cannot|without|\w+n['’]t|forbidden|prohibited|refused?|excluded"
    r"|nicht|kein\w*|nie|niemals|nichts|niemand|ohne|weder|verboten|untersagt|pas|jamais|aucune?|sans|interdite?s?"
    r"|nunca|jamás|sin|ningun[oa]?|ningún|prohibid[oa]s?|non|mai|senza|nessun[oa]?|vietat[oi]|niet|geen|nooit|zonder"
    r"|não|nem|sem|nenhuma?|inte|ingen|utan|ikke|aldrig|не|нет|нельзя|без|nie|bez|değil|yok)\b"
    r"|[不没沒無无未]|ない|ません|않|없",
    re.IGNORECASE,
)
_SPELLED = (
    "two three four five six seven eight nine ten eleven twelve",
    "zwei drei vier fünf sechs sieben acht neun zehn elf zwölf",
    "deux trois quatre cinq six sept huit neuf dix onze douze",
    "dos tres cuatro cinco seis siete ocho nueve diez – doce",
    "– tre quattro cinque – sette otto nove dieci undici dodici",
    "twee drie vier vijf zes zeven acht negen tien elf twaalf",
)
SPELLED = {name: str(number) for names in _SPELLED for number, name in enumerate(names.split(), start=2)}
SPELLED |= {"fifteen": "15", "twenty": "20", "thirty": "30", "hundred": "100"}
_MONTH_NAMES = (
    "january february march april may june july august september october november december",
    "jan feb mar apr may jun jul aug sep oct nov dec",
    "januar februar märz april mai juni juli august september oktober november dezember",
    "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
)
MONTHS = {name: f"month {number}" for names in _MONTH_NAMES for number, name in enumerate(names.split(), start=1)}
_ALSO_WORDS = frozenset(_MONTH_NAMES[1].split()) | {"march", "mars"}  # months only with a capital
_TIMES = (
    "second seconds sekunde sekunden seconde secondes segundo segundos secondo secondi",
    "minute minutes min minuten minuto minutos minuti minuut",
    "hour hours stunde stunden heure heures hora horas ora ore uur",
    "day days tag tage tagen jour jours día días giorno giorni dag dagen dia dias",
    "week weeks woche wochen semaine semaines semana semanas settimana settimane weken",
    "month months monat monate monaten mois mes meses mese mesi maand maanden mês",
    "quarter quarters quartal quartale trimestre trimestres kwartaal",
    "year years jahr jahre jahren an ans année années año años anno anni jaar ano anos",
)
TIMES = {word: number for number, words in enumerate(_TIMES) for word in words.split()}
_ONES = frozenset("one a an once ein eine einen einem einer un une uno una um uma één een en ett et".split())
_DATE = re.compile(r"\b(?:\d{4}-(\d\d?)-\d\d?|\d\d?[./](\d\d?)[./](?:\d{4}|\d\d))\b")

FUNCTION_WORDS = {
    "en": "a about after all also am an and any are as at be been before being both but by can could did do does each"
    " either every for from get gets got had has have he her here his how i if in into is it its just may me might"
    " more most must my of on once or other our out over per shall she should so some such than that the their them"
    " then there these they this those through to too under until up upon us was we were what when where whether"
    " which while who will with within would yes you your only according not cannot",
    "de": "aber als am an auch auf aus bei bis da damit das dass dem den der des die dies diese dieser dieses durch ein"
    " eine einem einen einer eines er es für hat haben ich ihr im in ist ja jede jeden jeder jedes kann können man mit"
    " muss müssen nach noch nur ob oder sein seine sich sie sind so über um und unter vom von vor war was wenn werden"
    " wer wie wir wird zu zum zur zwischen nicht kein keine keinen darf dürfen soll sollen sollte sondern außer",
    "fr": "a à au aux avec ce ces cette chaque comme d dans de des doit doivent du elle elles en est et être il ils je"
    " l la le les leur leurs mais nous on ont ou où par peut peuvent plus pour qu que qui sa se selon ses si son sont"
    " sur tous tout un une vous vos votre ne pas faut",
    "es": "a al cada como con de del desde donde el ella ellos en entre es esta este esto ha han hasta la las le les lo"
    " los más me mi o para pero por puede pueden que se según ser si su sus son también un una uno y ya usted",
    "it": "a al alla che chi ci come con da dal dalla degli dei del della delle di e è gli i il in la le lo loro ma nel"
    " nella o ogni per più può possono quando questo se si sono su sul tra un una uno",
    "nl": "aan als bij dat de deze die dit door een en er het hij hun ik in is kan kunnen maar met moet naar of om ook"
    " op per te tot uit van voor was wat we wel wie worden wordt zijn zo",
    "pt": "a ao aos as até com como da das de do dos e é ele em entre é mais mas na nas no nos o os ou para pela pelo"
    " pode podem por que se ser seu sua são um uma você",
}
_LANGUAGES_WITH: dict[str, list[str]] = {}
for _name, _words in FUNCTION_WORDS.items():
    for _word in _words.split():
        _LANGUAGES_WITH.setdefault(_word, []).append(_name)
ENOUGH = 400  # characters, to tell a language by
LEAST_HITS = 2  # function words from which a language is guessed, when they could be of several


class Kind(Enum):
    WORD = auto()
    NUMBER = auto()
    NAME = auto()


@dataclass(frozen=True, slots=True)
class Term:
    """A content word as texts are compared by it. `is_negated`: its clause says that something is not so."""

    key: str
    kind: Kind
    is_negated: bool = False


def terms_of(text: str, *, tells_names: bool = False) -> list[Term]:
    """The content words of a sentence, in order; function words and the marks of Markdown are not among them.

    With `tells_names` a capital in the middle of a sentence makes a name, but not in German, where it makes a noun,
    nor where most words have one.
    """
    text = _SPACED_THOUSANDS.sub("\\1\u202f", text)
    negated = _negated_stretches(text)
    words = list(WORD.finditer(text))
    capitals = sum(word[0][0].isupper() for word in words) if tells_names else len(words) + 1
    has_names = capitals <= MOST_CAPITALS * len(words) and not (capitals > 1 and language_of(text) == "de")
    terms: list[Term] = []
    for index, found in enumerate(words):
        is_negated = bool(negated) and any(start <= found.start() < end for start, end in negated)
        may_be_name = has_names and index > 0 and not _begins_sentence(text, words[index - 1], found)
        for key, kind in _keys(found[0], may_be_name=may_be_name):
            terms.append(Term(key, kind, is_negated))
    return terms


def _begins_sentence(text: str, before: re.Match[str], word: re.Match[str]) -> bool:
    between = text[before.end() : word.start()]
    is_title = len(before[0]) <= LONGEST_TITLE and before[0][0].isupper()
    return not is_title and any(mark in between for mark in ".!?:;")


def _keys(word: str, *, may_be_name: bool) -> list[tuple[str, Kind]]:
    keys = _keys_of(word)
    is_name = may_be_name and word[0].isupper() and len(word) > 2
    return [(key, Kind.NAME) for key, _ in keys] if is_name and keys and keys[0][1] is Kind.WORD else keys


@lru_cache(maxsize=50_000)
def _keys_of(word: str) -> list[tuple[str, Kind]]:
    if numbers := _numbers(word):
        return [(number, Kind.NUMBER) for number in numbers]
    lower = word.casefold()
    if CJK.search(word):
        return [key for run in _RUN.findall(word) for key in _unspaced(run)]
    if number := SPELLED.get(lower) or _month(word):
        return [(number, Kind.NUMBER)]
    if lower in _LANGUAGES_WITH or _NEGATION.fullmatch(lower):
        return []
    is_code = any(letter.isdigit() for letter in word)
    return [(root(lower), Kind.NAME if is_code else Kind.WORD)]


def _unspaced(run: str) -> list[tuple[str, Kind]]:
    if numbers := _numbers(run):
        return [(number, Kind.NUMBER) for number in numbers]
    return [(run[at : at + 2], Kind.WORD) for at in range(max(1, len(run) - 1))]


def _numbers(word: str) -> list[str]:
    """ "1,500" and "1.500,00" are 1500; "1.5" and "1,5" are 1.5; "31.03.2026" and such are several."""
    if ordinal := _ORDINAL.fullmatch(word.lower()):
        return [ordinal[1].lstrip("0") or "0"]
    if not _NUMBER.fullmatch(word):
        return []
    if _THOUSANDS.fullmatch(word):
        whole, point, cents = word, "", ""
        if len(word) > 3 and word[-3] in ".,":
            whole, point, cents = word[:-3], ".", word[-2:]
        return [_plain("".join(filter(str.isdigit, whole)) + point + cents)]
    parts = re.split(r"[.,’'\u00a0\u202f]", word)
    return [_plain(".".join(parts))] if len(parts) <= 2 else [_plain(part) for part in parts]


def _plain(number: str) -> str:
    number = "".join(str(unicodedata.digit(each, 0)) if each.isdigit() else each for each in number)
    if "." in number:
        number = number.rstrip("0").rstrip(".")
    return number.lstrip("0") or "0" if "." not in number else number


def root(word: str) -> str:
    """The beginning of a word without accents and without the commonest English endings."""
    bare = "".join(letter for letter in unicodedata.normalize("NFKD", word) if not unicodedata.combining(letter))
    return stem(bare)[:STEM_LENGTH]


def _month(word: str) -> str | None:
    lower = word.casefold()
    return None if lower in _ALSO_WORDS and word[0].islower() else MONTHS.get(lower)


def other_forms(text: str) -> set[str]:
    """Numbers a text holds without writing them: the month of "2026-03-31", the 3 of "31 March", the 1 of an hour."""
    dates = {f"month {int(found[1] or found[2])}" for found in _DATE.finditer(text)}
    months = {month.removeprefix("month ") for word in WORD.findall(text) if (month := _month(word))}
    ones = {"1" for word in text.casefold().split() if word in _ONES}
    return dates | months | ones


def durations_of(text: str) -> dict[str, int]:
    """Number → the measure of time it counts: "15 working days" is 15 of days."""
    found: dict[str, int] = {}
    words = [word.casefold() for word in WORD.findall(text)]
    for index, word in enumerate(words):
        if number := next((key for key, kind in _keys_of(word) if kind is Kind.NUMBER), None):
            measure = next((TIMES[each] for each in words[index + 1 : index + 3] if each in TIMES), None)
            if measure is not None:
                found[number] = measure
    return found


def phrases_of(text: str) -> frozenset[tuple[str, str]]:
    """Words that stand side by side, function words among them: they tell wording from wording."""
    words = [word.casefold() for word in WORD.findall(text)]
    return frozenset(zip(words, words[1:], strict=False))


def _negated_stretches(text: str) -> list[tuple[int, int]]:
    """Clauses with an odd number of negations: "not forbidden" is allowed."""
    if not _NEGATION.search(text):
        return []
    masked = _NOT_NEGATED.sub(lambda found: "x" * len(found[0]), text)
    ends = {end.start() for end in _CLAUSE_END.finditer(text)} | {end.end() for end in _CONDITION.finditer(text)}
    edges = [0, *sorted(ends), len(text)]
    stretches = zip(edges, edges[1:], strict=False)
    return [(start, end) for start, end in stretches if len(_NEGATION.findall(masked, start, end)) % 2]


def language_of(text: str) -> str:
    """A guess: of Latin script the language whose function words it has, else the script; "" when it can't be told."""
    text = text[:ENOUGH]
    scripts = Counter(map(_script, filter(str.isalpha, text)))
    if not scripts:
        return ""
    script = scripts.most_common(1)[0][0]
    if script != "LATIN":
        return script
    hits = Counter(name for word in WORD.findall(text) for name in _LANGUAGES_WITH.get(word.casefold(), ()))
    if len(hits) < 2:
        return next(iter(hits), "")
    (first, most), (_, second) = hits.most_common(2)
    return first if most >= LEAST_HITS and most > second else ""


@lru_cache(maxsize=20_000)
def _script(letter: str) -> str:
    name = unicodedata.name(letter, "")
    if name.startswith(("CJK", "HIRAGANA", "KATAKANA")):
        return "CJK"
    return name.partition(" ")[0]
