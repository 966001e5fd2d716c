"""How far a passage bears out a claim, and by which of its sentences. No model is asked. Pure.

A claim is compared with every one or two sentences of its passage by its content words. Numbers and names decide:
one that the passage does not have is never borne out, nor is the opposite of what it says. What can't be told (a
passage in another language, a sentence without content) is not held against the answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

from knowledge.answering.sentences import Kind, Piece, headings_of, pieces_of
from knowledge.answering.words import Kind as TermKind
from knowledge.answering.words import Term, durations_of, language_of, other_forms, phrases_of, terms_of

THRESHOLD = 0.45  # measured: docs/retrieval.md
UNKNOWN = 0.5  # the score of a claim that can't be told, without a quote
WEIGHTS = {TermKind.WORD: 1.0, TermKind.NAME: 2.0, TermKind.NUMBER: 2.5}
CONTEXT_SHARE = 0.8  # a word of the heading or the table's head is worth less than one of the quote
SPREAD_SHARE = 0.75  # what is spread over the whole passage is worth less than what stands together
LEAST_WORDS = 0.35  # of the claim's words must stand beside its numbers
PHRASE_SHARE = 0.1  # what the same wording adds when the best sentence is looked for
PART_OF_GROUP = 0.25  # of [1][2] each must bear out at least so much
STRANGE = 0.15  # below, a claim of no known language may be of another one than the passage
SECOND_SENTENCE = 0.06  # what a second sentence must add to be quoted too
LEAST_TERMS = 3  # content words that make a claim
KEPT = 512  # passages, taken apart; some 20 kB each


@dataclass(frozen=True)
class Claim:
    """A sentence, or the part of it that its marks stand behind. `start`/`end`: characters of the answer."""

    start: int
    end: int
    text: str
    kind: Kind = Kind.SENTENCE

    @cached_property
    def terms(self) -> dict[str, Term]:
        return {term.key: term for term in terms_of(self.text, tells_names=True)}

    @cached_property
    def weights(self) -> dict[str, float]:
        return {key: WEIGHTS[term.kind] for key, term in self.terms.items()}

    @cached_property
    def total(self) -> float:
        return sum(self.weights.values()) or 1.0

    @cached_property
    def words(self) -> float:
        """The weight of what is no number."""
        return sum(weight for key, weight in self.weights.items() if self.terms[key].kind is not TermKind.NUMBER)

    @cached_property
    def durations(self) -> dict[str, int]:
        return durations_of(self.text)

    @cached_property
    def negated(self) -> frozenset[str]:
        return frozenset(key for key, term in self.terms.items() if term.is_negated)

    @cached_property
    def phrases(self) -> frozenset[tuple[str, str]]:
        return phrases_of(self.text)

    @cached_property
    def language(self) -> str:
        return language_of(self.text)

    @property
    def says_something(self) -> bool:
        return len(self.terms) >= LEAST_TERMS and not self.text.rstrip(" *_").endswith((":", "?", "：", "？"))


@dataclass(frozen=True, slots=True)
class Unit:
    """A sentence, item or row of a passage. `terms`: key → whether it is said to be not so."""

    start: int
    end: int
    terms: dict[str, bool]
    context: frozenset[str]
    counted: frozenset[tuple[str, str]]  # numbers, each with the word behind it
    phrases: frozenset[tuple[str, str]]
    durations: dict[str, int]
    is_row: bool


@dataclass(frozen=True, slots=True)
class Match:
    """The best stretch of a passage for a claim. `found` are the keys of the claim that it has."""

    start: int = 0
    end: int = 0
    score: float = 0.0
    rank: float = 0.0  # the same, and how much of the wording is alike
    found: frozenset[str] = frozenset()
    is_opposite: bool = False


class Evidence:
    """A passage, taken apart once. `names` are its title and headings."""

    def __init__(self, text: str, names: tuple[str, ...]) -> None:
        self.around = _keys(" . ".join(names))
        self.units = [
            _unit(piece, text[piece.start : piece.end], _keys(piece.context) | self.around) for piece in pieces_of(text)
        ]
        self.everything = self.around.union(*(unit.terms for unit in self.units), _keys(headings_of(text)))
        self.language = language_of(text)

    def best(self, claim: Claim) -> Match:
        singles = [(_match(claim, (unit,)), unit) for unit in self.units]
        best, unit = max(singles, key=lambda each: each[0].rank, default=(Match(), None))
        if unit is not None and _counts_otherwise(claim, unit):
            return Match(best.start, best.end, is_opposite=True)
        both = zip(singles, singles[1:], strict=False)
        pairs = (
            _match(claim, (one, other))
            for (left, one), (right, other) in both
            if _add_up(left, right) and not (one.is_row and other.is_row)
        )
        longer = max(pairs, key=lambda match: match.rank, default=best)
        return longer if longer.score > best.score + SECOND_SENTENCE else best


def _add_up(left: Match, right: Match) -> bool:
    """Two sentences say more together than the better of them."""
    return not (left.found <= right.found or right.found <= left.found)


def _unit(piece: Piece, text: str, context: frozenset[str]) -> Unit:
    terms = terms_of(text)
    return Unit(
        start=piece.start,
        end=piece.end,
        terms=_said(terms, text),
        context=context,
        counted=_counted(terms),
        phrases=phrases_of(text),
        durations=durations_of(text),
        is_row=piece.kind is Kind.ROW,
    )


def _said(terms: Sequence[Term], text: str) -> dict[str, bool]:
    said: dict[str, bool] = {}
    for term in terms:
        said[term.key] = term.is_negated and said.get(term.key, True)
    return dict.fromkeys(other_forms(text), False) | said


def _keys(text: str) -> frozenset[str]:
    return frozenset(term.key for term in terms_of(text)) if text else frozenset()


def _counted(terms: Sequence[Term]) -> frozenset[tuple[str, str]]:
    pairs = zip(terms, terms[1:], strict=False)
    return frozenset((one.key, other.key) for one, other in pairs if one.kind is TermKind.NUMBER is not other.kind)


def _counts_otherwise(claim: Claim, unit: Unit) -> bool:
    """The sentence that is most like the claim has another number of the same thing: "28 days" or "25 weeks" for its
    "25 days"."""
    if any(unit.durations.get(number, measure) != measure for number, measure in claim.durations.items()):
        return True
    claimed = _counted(list(claim.terms.values()))
    said = {what: number for number, what in unit.counted}
    return any(number not in unit.terms and what in said and said[what] not in claim.terms for number, what in claimed)


def _match(claim: Claim, units: Sequence[Unit]) -> Match:
    weights, negated = claim.weights, claim.negated
    said = (
        weights.keys() & {key for unit in units for key in unit.terms}
        if len(units) > 1
        else (weights.keys() & units[0].terms.keys())
    )
    around = (weights.keys() & units[-1].context) - said
    if not said and not around:
        return Match()
    own = sum(weights[key] for key in said)
    score = (own + CONTEXT_SHARE * sum(weights[key] for key in around)) / claim.total
    words = sum(weights[key] for key in said | around if claim.terms[key].kind is not TermKind.NUMBER)
    if words < LEAST_WORDS * claim.words:
        score /= 2  # its numbers stand with other things
    opposed = sum(weights[key] for key in said if all((key in negated) is not unit.terms.get(key) for unit in units))
    alike = sum(len(claim.phrases & unit.phrases) for unit in units) / (len(claim.phrases) or 1)
    return Match(
        start=units[0].start,
        end=units[-1].end,
        score=score,
        rank=score + PHRASE_SHARE * alike,
        found=frozenset(said | around),
        is_opposite=opposed > own / 2 > 0,
    )


@lru_cache(maxsize=KEPT)
def evidence_of(text: str, names: tuple[str, ...]) -> Evidence:
    return Evidence(text, names)


def judged(claim: Claim, cited: dict[int, Evidence]) -> dict[int, Match]:
    """For each cited number the words that bear the claim out: score 0 for none, UNKNOWN without an end."""
    best = {n: evidence.best(claim) for n, evidence in cited.items()}
    everything = frozenset().union(*(evidence.everything for evidence in cited.values()))
    together = frozenset().union(*(match.found for match in best.values()))
    return {n: _verdict(claim, evidence, best[n], everything, together) for n, evidence in cited.items()}


def _verdict(
    claim: Claim, evidence: Evidence, best: Match, everything: frozenset[str], together: frozenset[str]
) -> Match:
    unknown = Match(score=UNKNOWN)
    facts = {key for key, term in claim.terms.items() if term.kind is not TermKind.WORD}
    numbers = {key for key in facts if claim.terms[key].kind is TermKind.NUMBER}
    is_foreign = bool(claim.language and evidence.language and claim.language != evidence.language)
    if numbers - everything or (facts - everything and not is_foreign):
        return Match()
    if best.is_opposite:
        return Match() if not is_foreign else unknown
    score = best.score
    if numbers <= best.found:
        score = max(score, SPREAD_SHARE * _share(claim, evidence.everything))
    if len(together) > len(best.found) and best.score >= PART_OF_GROUP:
        score = max(score, _share(claim, together))
    if is_foreign or (not claim.language and not facts and best.score < STRANGE):
        return best if facts and facts <= best.found else unknown
    if score >= THRESHOLD:
        return replace(best, score=score) if best.end else unknown
    return Match() if claim.says_something or facts else unknown


def _share(claim: Claim, keys: frozenset[str]) -> float:
    return sum(claim.weights[key] for key in claim.weights.keys() & keys) / claim.total
