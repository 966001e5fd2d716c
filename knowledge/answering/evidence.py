"""Whether what was found is worth an answer, and what is said when it is not. Pure.

A question is refused without calling a model when no passage is near to it in meaning and none holds enough of its
words.
The measure is lenient on purpose: what passes falsely is refused by the model, what is refused falsely is lost.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from knowledge.answering.refusals import Refusal, words_for
from knowledge.providers.extractive import terms_of
from knowledge.types import Extent, Passage

# By the embedding model's version: the cosine of the best passage from which on meaning alone is enough, and the one
# under which half of the words are not. Measured for the local model (docs/retrieval.md); OpenAI's are set low, where
# unrelated texts lie. A model that is not named here is never refused.
NEAR = {"minilm": (0.35, 0.2), "openai-3": (0.2, 0.0)}
OTHER_LANGUAGES = (0.15, 0.0)  # the local model was made for English: what it says of others means less
SHARE = 0.5  # of the question's words in one passage: enough, where the passage is not far away in meaning
MOST_NEAREST = 3

ENGLISH = frozenset(
    "a an the of is are was were what which who how when where why do does did can could may must should would will "
    "for in on to my our we i you it and or if with from by at be have has there".split()
)
WORD = re.compile(r"[^\W\d_]+")
MARKDOWN = re.compile(r"([\\`*_\[\]<>!|#~&])")


def is_enough(text: str, passages: Sequence[Passage], version: str, near: float | None = None) -> bool:
    """Whether `passages` may answer `text`. `version` is the embedding model's; `near` stands in for its threshold."""
    if not passages:
        return False
    best = max(passage.similarity for passage in passages)
    measured, floor = thresholds(text, version)
    if best >= (measured if near is None else near) or best == 0:  # 0: only keywords were searched
        return True
    return max(share_of_words(text, passage) for passage in passages) >= (SHARE if best >= floor else 1.0)


def thresholds(text: str, version: str) -> tuple[float, float]:
    if version.startswith("minilm") and not looks_english(text):
        return OTHER_LANGUAGES
    return next((pair for name, pair in NEAR.items() if version.startswith(name)), (0.0, 0.0))


def looks_english(text: str) -> bool:
    return not ENGLISH.isdisjoint(WORD.findall(text.lower()))


def share_of_words(text: str, passage: Passage) -> float:
    """The share of the question's telling words that the passage, its title or its headings hold."""
    asked = terms_of(text)
    held = terms_of(" ".join((passage.title, *passage.heading_path, passage.text)))
    return len(asked & held) / len(asked) if asked else 0.0


def refusal(question: str, extent: Extent, passages: Sequence[Passage]) -> str:
    """What was searched, and the nearest pages, in the question's language. Begins with the sentence that a refusal is
    known by."""
    words = words_for(question)
    parts = (words.not_found, searched(words, extent), nearest(words, passages))
    return "\n\n".join(part for part in parts if part)


def searched(words: Refusal, extent: Extent) -> str:
    if not extent.collections:
        return words.no_collection
    names = ", ".join(plain(name) for name in extent.collections[:-1])
    last = plain(extent.collections[-1])
    where = f"{names} {words.conjunction} {last}" if names else last
    if not extent.documents:
        return words.empty.format(where=where)
    said = words.searched_one if extent.documents == 1 else words.searched
    return said.format(count=f"{extent.documents:,}", where=where)


def nearest(words: Refusal, passages: Sequence[Passage]) -> str:
    places = tuple(dict.fromkeys(place_of(words, passage) for passage in passages))[:MOST_NEAREST]
    if not places:
        return ""
    return "\n".join([words.nearest, "", *(f"- {one}" for one in places)])


def place_of(words: Refusal, passage: Passage) -> str:
    page = f", {words.page} {passage.page}" if passage.page is not None else ""
    section = f", {plain(passage.heading_path[-1])}" if passage.heading_path and passage.page is None else ""
    return f"{plain(passage.title)}{page or section}"


def plain(name: str) -> str:
    """A name of others, as words inside our Markdown."""
    return MARKDOWN.sub(r"\\\1", " ".join(name.split()))
