"""Whether a passage is the one that was meant, and what that makes of a ranked list. Pure.

A target names a document and, if somebody took the trouble, words that the right passage holds. Words are compared
without case, punctuation and markup. A quote that a chunk border cuts in two still counts for the passage that has
most of it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from knowledge.evaluation.measures import mrr_at, ndcg_at, recall_at

SHINGLE = 3  # words in a row
ENOUGH = 0.7  # of the quote's shingles

_BROKEN_WORD = re.compile(r"(?<=[^\W\d_])[-\u00ad\u2010]\s*\n\s*(?=[^\W\d_])")
_LINK_ADDRESS = re.compile(r"\]\([^)\s]*\)")
_TAG = re.compile(r"</?[a-zA-Z][^<>]{0,200}>")
_SIGN = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]")  # scripts without spaces: each is a word
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Target:
    """Where a question is answered. Without a quote any passage of the document will do."""

    document_id: UUID
    quote: str = ""


@dataclass(frozen=True, slots=True)
class Candidate:
    """As much of a found passage as matching needs."""

    document_id: UUID
    text: str


@dataclass(frozen=True, slots=True)
class Score:
    """How one question fared. `ranks` has, for each target in turn, the rank of the first passage that holds it."""

    ranks: tuple[int | None, ...]
    recall_at_5: float
    recall_at_10: float
    mrr_at_10: float
    ndcg_at_10: float

    @property
    def first_rank(self) -> int | None:
        return min((rank for rank in self.ranks if rank is not None), default=None)


def words_of(text: str) -> tuple[str, ...]:
    plain = _TAG.sub(" ", _LINK_ADDRESS.sub("] ", _BROKEN_WORD.sub("", text)))
    plain = _SIGN.sub(r" \g<0> ", unicodedata.normalize("NFKC", plain).casefold())
    return tuple(_WORD.findall(plain))


def holds(text: str, quote: str) -> bool:
    """Whether the words of the quote stand in the text, or most of them in the same order."""
    wanted, there = words_of(quote), words_of(text)
    if not wanted:
        return True
    if f" {' '.join(wanted)} " in f" {' '.join(there)} ":
        return True
    shingles = _shingles(wanted)
    return bool(shingles) and len(shingles & _shingles(there)) >= ENOUGH * len(shingles)


def _shingles(words: Sequence[str]) -> set[tuple[str, ...]]:
    return {tuple(words[start : start + SHINGLE]) for start in range(len(words) - SHINGLE + 1)}


def is_hit(candidate: Candidate, target: Target) -> bool:
    return candidate.document_id == target.document_id and holds(candidate.text, target.quote)


def score(candidates: Sequence[Candidate], targets: Sequence[Target]) -> Score:
    """`candidates` best first. Each target counts once, at the first passage that holds it."""
    ranks = tuple(_first_rank(candidates, target) for target in targets)
    ranked = _ranked(ranks, len(candidates))
    gold = {f"target {number}": 1.0 for number in range(len(targets))}
    return Score(
        ranks=ranks,
        recall_at_5=recall_at(ranked, gold, 5),
        recall_at_10=recall_at(ranked, gold, 10),
        mrr_at_10=mrr_at(ranked, gold, 10),
        ndcg_at_10=ndcg_at(ranked, gold, 10),
    )


def _first_rank(candidates: Sequence[Candidate], target: Target) -> int | None:
    hits = (rank for rank, candidate in enumerate(candidates, start=1) if is_hit(candidate, target))
    return next(hits, None)


def _ranked(ranks: Sequence[int | None], length: int) -> list[str]:
    """The list as the measures want it: what was found at each place. Two targets in one passage take two places."""
    ranked: list[str] = []
    for place in range(1, length + 1):
        ranked += [f"target {number}" for number, rank in enumerate(ranks) if rank == place] or [f"other {place}"]
    return ranked
