"""What changed between two measurements, in words that need no statistics. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

NO_CHANGE = 0.005  # of a measure; smaller differences are not worth a word
FEW_QUESTIONS = 10


@dataclass(frozen=True, slots=True)
class Figures:
    """One measurement, as far as comparing needs it. Measures are 0 to 1."""

    questions: int
    recall_at_5: float
    recall_at_10: float
    mrr_at_10: float
    ndcg_at_10: float
    model: str
    setup: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Difference:
    """`tone` is better, worse, same, first or apart (the two can't be compared)."""

    tone: str
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Move:
    """How one question fared in two runs: the rank of its first right passage, None when it was missed."""

    before: int | None
    now: int | None

    @property
    def kind(self) -> str:
        if self.before == self.now:
            return "same"
        if self.before is None or (self.now is not None and self.now < self.before):
            return "better"
        return "worse"

    @property
    def words(self) -> str:
        if self.kind == "same":
            return "as before"
        if self.before is None:
            return "was missed before"
        return f"was {ordinal(self.before)} before"


def difference(now: Figures, before: Figures | None) -> Difference:
    if before is None:
        return Difference("first", (_first(now),))
    changed = setup_changes(now, before)
    if now.questions != before.questions:
        return Difference("apart", (_other_questions(now, before), *changed))
    tone, sentence = _verdict(now, before)
    return Difference(tone, (sentence, *changed))


def _first(now: Figures) -> str:
    if now.questions < FEW_QUESTIONS:
        return "The first measurement. With so few questions one of them moves the figures a lot."
    return "The first measurement: later ones are compared with it."


def _other_questions(now: Figures, before: Figures) -> str:
    extra = now.questions - before.questions
    which = f"{count(abs(extra), 'question')} {'more' if extra > 0 else 'fewer'}"
    return f"Measured with {which} than the run before, so the figures can't be compared directly."


def _verdict(now: Figures, before: Figures) -> tuple[str, str]:
    found = round(now.questions * now.recall_at_10) - round(before.questions * before.recall_at_10)
    order = now.ndcg_at_10 - before.ndcg_at_10
    if abs(order) < NO_CHANGE and found == 0:
        return "same", "No real change from the run before."
    return ("better" if order > 0 else "worse"), f"{_found(found)}{_joined(found, order)}."


def _found(found: int) -> str:
    if found == 0:
        return "As much is found in the first ten"
    return f"About {count(abs(found), 'question')} {'more' if found > 0 else 'fewer'} answered in the first ten"


def _joined(found: int, order: float) -> str:
    if abs(order) < NO_CHANGE:
        return ", at about the same places"
    agrees = found == 0 or (found > 0) == (order > 0)
    return f", {'and' if agrees and found else 'but'} the right passage comes {'higher' if order > 0 else 'lower'} up"


def setup_changes(now: Figures, before: Figures) -> tuple[str, ...]:
    changes = [] if now.model == before.model else [f"The embedding model was {before.model}."]
    for name in sorted({*now.setup, *before.setup}):
        old, new = before.setup.get(name), now.setup.get(name)
        if old != new:
            changes.append(f"{name.capitalize()} was {spoken(old)}, now {spoken(new)}.")
    return tuple(changes)


def spoken(value: object) -> str:
    match value:
        case None | "":
            return "not set"
        case True:
            return "on"
        case False:
            return "off"
    return str(value)


def moves_summary(moves: Sequence[Move]) -> str:
    """ "3 came higher, 1 lower, 12 stayed where they were." """
    kinds = [move.kind for move in moves]
    better, worse, same = kinds.count("better"), kinds.count("worse"), kinds.count("same")
    if not better and not worse:
        return "Every question fared as before."
    return f"{better} came higher, {worse} lower, {same} stayed where they were."


def count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def ordinal(number: int) -> str:
    if 10 <= number % 100 <= 20:
        return f"{number}th"
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th') }"
