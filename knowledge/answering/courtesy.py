"""A greeting, a word of thanks: not a question, so nothing is searched, refused, kept as a gap or paid for. Pure."""

from __future__ import annotations

import re

LONGEST = 40  # characters; more is a question with a greeting in front
WORD = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)?")
ADDRESSED = frozenset("vena there all everyone team you zusammen allerseits à tous a todos tutti".split())

GREETINGS = {
    "en": "hi|hello|hey|good morning|good afternoon|good evening|good day|greetings|how are you",
    "de": "hallo|guten morgen|guten tag|guten abend|moin|servus|grüezi|grüß gott|wie geht's|wie geht es dir",
    "fr": "bonjour|bonsoir|salut|coucou|ça va",
    "es": "hola|buenos días|buenos dias|buenas tardes|buenas noches",
    "it": "ciao|buongiorno|buon giorno|buonasera|salve",
    "nl": "hoi|goedemorgen|goedemiddag|goedenavond|goedendag",
}
THANKS = {
    "en": "thanks|thank you|thanks a lot|many thanks|thank you very much|thank you so much|cheers|ok thanks",
    "de": "danke|vielen dank|danke schön|dankeschön|besten dank|danke sehr",
    "fr": "merci|merci beaucoup|merci bien",
    "es": "gracias|muchas gracias",
    "it": "grazie|grazie mille|molte grazie",
    "nl": "dank je|dank u|bedankt|dankjewel|dank je wel|hartelijk dank",
}
REPLIES = {
    "en": ("Hello. Ask me something, and I look for the answer in your documents.", "You are welcome."),
    "de": ("Guten Tag. Fragen Sie mich etwas, und ich suche die Antwort in Ihren Dokumenten.", "Gern geschehen."),
    "fr": ("Bonjour. Posez-moi une question, et je chercherai la réponse dans vos documents.", "Je vous en prie."),
    "es": ("Hola. Pregúnteme algo y buscaré la respuesta en sus documentos.", "De nada."),
    "it": ("Buongiorno. Mi faccia una domanda e cercherò la risposta nei suoi documenti.", "Prego."),
    "nl": ("Hallo. Stel me een vraag, dan zoek ik het antwoord in uw documenten.", "Graag gedaan."),
}
_REPLY_TO = {
    phrase: REPLIES[language][kind]
    for kind, table in enumerate((GREETINGS, THANKS))
    for language, phrases in table.items()
    for phrase in phrases.split("|")
}


def courteous_reply(text: str) -> str | None:
    """What is said back; None for everything that may be a question."""
    if len(text) > LONGEST or any(character.isdigit() for character in text):
        return None
    words = [word.casefold().replace("\u2019", "'") for word in WORD.findall(text)]
    for end in range(len(words), 0, -1):
        if set(words[end:]) <= ADDRESSED and (reply := _REPLY_TO.get(" ".join(words[:end]))):
            return reply
    return None
