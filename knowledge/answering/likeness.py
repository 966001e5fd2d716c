"""Whether an answer to one question may answer another that is worded alike. Pure.

Closeness of vectors alone does not say it: "repositories that DO need a CLA" and "that DO NOT" are .99 alike. So the
words must agree as well, in everything that turns one question into another.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from knowledge.types import Vector

# Chosen by measurement (docs/retrieval.md); a model that was not measured gets the stricter one.
LEAST_SIMILARITY = {"minilm-l6-v2-q8": 0.90}
LEAST_UNMEASURED = 0.95
CANDIDATES = 3

NUMBER = re.compile(r"\d+(?:[.,:/]\d+)*")
NUMBER_WORDS = frozenset(
    "zero two three four five six seven eight nine ten eleven twelve twenty thirty forty fifty sixty hundred "
    "thousand million first second third fourth fifth twice half quarter double".split()
)
NEGATIONS = frozenset(
    "no not never none nobody nothing neither nor cannot without except unless nicht kein keine keinen keiner ohne "
    "nie pas sans jamais sin nunca non senza mai niet geen zonder".split()
)
QUOTED = re.compile(
    r"[\"\u201c\u201e\u00ab]([^\"\u201c\u201d\u00ab\u00bb]+)[\"\u201d\u201c\u00bb]"
    r"|`([^`]+)`"
    r"|(?<!\w)'([^']+)'(?!\w)"
)
WORD = re.compile(r"[^\W_]+(?:['\u2019.+#&-]+[^\W_]+)*[+#]*")
APOSTROPHE = re.compile("['\u2019]")
ASKING = frozenset(
    "who whom whose when where why which what how wer wann wo warum wie was welche qui quand pourquoi comment".split()
)
DUTY = frozenset("must shall need needs required mandatory obliged obligatory muss doit debe deve moet".split())
# One word of a pair in one question and the other in the other: they ask for opposites.
OPPOSITES = (
    "before after", "minimum maximum", "min max", "least most", "more less", "start end", "start stop", "start finish",
    "begin end", "first last", "enable disable", "include exclude", "internal external", "inbound outbound", "buy sell",
    "hire fire", "full part", "paid unpaid", "allowed forbidden", "increase decrease", "add remove", "give request",
    "open close", "old new", "in out", "on off", "up down", "from to", "employer employee", "import export",
    "accept reject", "approve decline", "upload download", "above below", "early late", "send receive", "with without",
)  # fmt: skip
OPPOSITE_OF: dict[str, set[str]] = {}
for _pair in OPPOSITES:
    _left, _right = _pair.split()
    OPPOSITE_OF.setdefault(_left, set()).add(_right)
    OPPOSITE_OF.setdefault(_right, set()).add(_left)

Terms = Callable[[str], tuple[int, ...]]  # the stem of one word, hashed; none of a word without content


def least_similarity(version: str) -> float:
    """The cosine from which on two questions may be the same, for vectors of this embedding version."""
    return LEAST_SIMILARITY.get(version, LEAST_UNMEASURED)


def nearest(vector: Vector, vectors: Any, least: float, most: int = CANDIDATES) -> list[int]:
    """Rows of `vectors` (n, dimensions), unit length, with a cosine of at least `least`; the closest first."""
    if not len(vectors):
        return []
    cosines = vectors.astype(np.float32) @ np.asarray(vector, dtype=np.float32)
    order = np.argsort(-cosines)[:most]
    return [int(row) for row in order if cosines[row] >= least]


def agree(one: str, other: str, terms: Terms) -> bool:
    """Whether two questions name the same numbers, names, quoted terms and content words, and deny the same.

    Content words in the same order: "what do we owe the bank" is not "what does the bank owe us".
    """
    return (
        numbers_of(one) == numbers_of(other)
        and negations_of(one) == negations_of(other)
        and quoted_of(one) == quoted_of(other)
        and names_of(one) == names_of(other)
        and asking_of(one) == asking_of(other)
        and not are_opposed(words_of(one), words_of(other))
        and is_duty(one) == is_duty(other)
        and contents_of(one, terms) == contents_of(other, terms)
    )


def words_of(text: str) -> list[str]:
    return [word.casefold().replace("\u2019", "'") for word in WORD.findall(text)]


def numbers_of(text: str) -> Counter[str]:
    return Counter(NUMBER.findall(text)) + Counter(word for word in words_of(text) if word in NUMBER_WORDS)


def negations_of(text: str) -> int:
    return sum(word in NEGATIONS or word.endswith("n't") for word in words_of(text))


def quoted_of(text: str) -> frozenset[str]:
    return frozenset(" ".join(next(filter(None, groups)).split()).casefold() for groups in QUOTED.findall(text))


def names_of(text: str) -> frozenset[str]:
    """Words with capitals inside a sentence or inside themselves, and words with digits or signs: R2D2, C++, iPhone.

    The first word tells nothing by its first letter.
    """
    names: set[str] = set()
    for position, word in enumerate(WORD.findall(text)):
        has_signs = any(character.isdigit() or character in "+#&" for character in word)
        word = APOSTROPHE.split(word)[0]
        if has_signs or word[1:] != word[1:].lower() or (position and word[0].isupper() and word != "I"):
            names.add(word.casefold())
    return frozenset(names)


def asking_of(text: str) -> frozenset[str]:
    """What is asked for: a person, a time, a place, a reason. "How can I" and "can I" differ too."""
    return frozenset(word.split("'")[0] for word in words_of(text)) & ASKING


def is_duty(text: str) -> bool:
    return not DUTY.isdisjoint(words_of(text))


def contents_of(text: str, terms: Terms) -> list[tuple[int, ...]]:
    return [found for word in words_of(text) if (found := terms(word))]


def are_opposed(one: Sequence[str], other: Sequence[str]) -> bool:
    left, right = set(one), set(other)
    only_left, only_right = left - right, right - left
    return any(OPPOSITE_OF.get(word, set()) & only_right for word in only_left)
