"""Follow-up questions: whether one can be understood alone, and what to search for when no model can rewrite it. Pure.

A needless rewrite costs one short call, a missing one costs the answer. So what is not sure counts as a follow-up: any
word that may point back, a question of a word or two, a script whose words we do not know.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from knowledge.providers.extractive import STOP_WORDS
from knowledge.types import Role, Turn

MOST_CHARACTERS = 400  # of an earlier question that is searched for again

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W_]+)?|\d[\w.,]*")
_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f]")
_OPENS = re.compile(
    r"""(?:\W*)(?:and|but|or|so|then|also|what\s+about|how\s+about|what\s+if|what\s+else|why(?:\s+not)?\W*$|any\s+other
    |und|aber|oder|also|dann|wie\s+ist\s+es|was\s+ist\s+mit|wie\s+sieht|wieso\W*$|warum\W*$|auch|sonst
    |et|mais|ou|alors|qu['’]en\s+est|pourquoi\W*$|aussi
    |y|pero|o|entonces|qué\s+hay|por\s+qué\W*$|también)\b""",
    re.IGNORECASE | re.VERBOSE,
)
_NOT_BACK = re.compile(
    r"\b(?:this|next|last)\s+(?:year|month|week|quarter|spring|summer|autumn|winter)\b"
    r"|\b(?:does|do|is|was|will|would|may|can)\s+it\s+(?:be\s+)?\w+\s+(?:\w+\s+)?(?:to|that|when|if)\b"
    r"|\b(?:is|are|was|were|will|has|have)\s+there\b|\bthere\s+(?:is|are|was|were)\b|\bthose\s+who\b",
    re.IGNORECASE,
)
_POINTS_BACK = re.compile(
    r"""\b(?:it|its|they|them|theirs|he|she|him|his|this|these|those|there|same|former|latter|above|instead|else|again
    |ones|both|another|previous|earlier|mentioned|said|more\s+detail
    |das\s+gleiche|dieselbe\w*|diese[rsmn]?|jene[rsmn]?|dort|dann|davon|dafür|damit|dazu|darüber|dabei|danach|daran
    |darauf|daraus|dagegen|deren|dessen|ihm|ihn|er|ersteres|letzteres
    |elle|elles|ils|celui|celle|ceux|celles|cela|ça|ceci|celui-ci|eux|dernier\w*\s+point
    |ello|eso|esto|ese|esa|esos|esas|estos|ellos|ellas|allí|ahí|aquello)\b
    |\b(?:about|for|of|with|after|before|to|does|is|do|did|was|on|in|than|if|why|ist|gilt|wenn|für|ohne|geht|wird)
    \s+(?:that|das)\b(?!\s+\w+\s+(?:is|are|ist))
    |\b(?:that|das|one|so)\W*$
    |\b(?:the|that|which|first|second|third|other)\s+one\b|\bthe\s+(?:first|second|third|other|others)\b(?!\s+\w)""",
    re.IGNORECASE | re.VERBOSE,
)
_INFORMAL_SIE = re.compile(r"(?<=\w\s)sie\b")  # in small letters inside a sentence: she or they, not you
_ASKS = re.compile(
    r"\W*(?:what|who|whom|whose|where|when|which|how|is|are|do|does|did|can|may|must|should|will"
    r"|was|wer|wem|wo|wann|welche\w*|wie|ist|sind|darf|kann|muss|gibt|hat"
    r"|quel\w*|que|qui|où|quand|comment|combien|est|sont|peut|y\s+a"
    r"|qué|quién|dónde|cuándo|cuál\w*|cómo|cuánt\w*|es|son|puede|hay)\b",
    re.IGNORECASE,
)


def is_follow_up(text: str, history: Sequence[Turn]) -> bool:
    """Whether `text` may need what was said before to be understood."""
    return any(turn.role is Role.USER for turn in history) and not stands_alone(text)


def stands_alone(text: str) -> bool:
    words = _WORD.findall(text.lower())
    letters = [character for character in text if character.isalpha()]
    if not words or 2 * len(_LATIN.findall(text)) < len(letters):
        return False
    bare = _NOT_BACK.sub(" ", text)
    if _OPENS.match(text) or _POINTS_BACK.search(bare) or _INFORMAL_SIE.search(bare):
        return False
    telling = [word for word in words if word not in STOP_WORDS]
    if len(telling) >= 3:
        return True
    return bool(telling) and len(words) >= 3 and _ASKS.match(text) is not None


def joined(text: str, history: Sequence[Turn]) -> str:
    """The last question that stood alone, and this one behind it: what is searched for without a model."""
    asked = [turn.text for turn in history if turn.role is Role.USER]
    before = next((one for one in reversed(asked) if stands_alone(one)), asked[-1] if asked else "")
    return f"{' '.join(before.split())[:MOST_CHARACTERS]} {text}".strip()
