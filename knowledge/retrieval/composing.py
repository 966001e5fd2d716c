"""From ranked chunks to the passages that are offered: repeats folded, neighbours merged, budgets kept. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from uuid import UUID

from knowledge.types import Box, Passage

WORD = re.compile(r"[^\W_]+")
SHINGLE = 4  # words
ALIKE = 0.85  # share of all shingles of two texts that both have: from here on one says nothing new
LONGEST = 4  # chunks in a passage
BETWEEN_CHUNKS = "\n\n"  # as in the document's plain text
BYTES_PER_TOKEN = 4

KEPT = 512  # texts whose shingles are remembered; some 20 kB each

Shingles = frozenset[int]


@dataclass(frozen=True, slots=True)
class FoundChunk:
    """A chunk as a search needs it. `tokens` are its token vectors, packed, where they were asked for and exist."""

    point_id: UUID
    chunk_id: UUID | int
    document_id: UUID
    title: str
    text: str
    position: int
    heading_path: tuple[str, ...] = ()
    version_id: UUID | None = None
    version_number: int = 1
    section: int = 0
    page: int | None = None
    last_page: int | None = None
    place: str = ""
    boxes: tuple[Box, ...] = ()
    char_start: int | None = None
    source_url: str = ""  # of a page of the web
    content_hash: str = ""
    tokens: bytes | None = None

    @property
    def labelled_text(self) -> str:
        """Title and headings in front of the text: what a reader needs to make sense of it."""
        return f"{' > '.join((self.title, *self.heading_path))}\n\n{self.text}"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A chunk on its way to being a passage. `score` is of the last ranking, `fused` of the first."""

    chunk: FoundChunk
    score: float
    similarity: float
    fused: float
    folded: tuple[FoundChunk, ...] = ()  # found as well, and saying the same


@dataclass(frozen=True, slots=True)
class Group:
    """Candidates whose chunks follow one another, in reading order. `best` is the one that ranked best."""

    best: Candidate
    members: tuple[Candidate, ...]

    @property
    def text(self) -> str:
        return BETWEEN_CHUNKS.join(member.chunk.text for member in self.members)


def reordered(head: Sequence[Candidate], tail: Sequence[Candidate], scores: Sequence[float]) -> list[Candidate]:
    """`head` by its new scores, then `tail`, whose scores shrink below them."""
    ranked = [replace(each, score=score) for each, score in zip(head, scores, strict=True)]
    ranked.sort(key=lambda each: (-each.score, -each.fused))
    lowest = min(scores, default=1.0)
    return [*ranked, *(replace(each, score=lowest * each.fused) for each in tail)]


def fold(ranked: Iterable[Candidate], *, most: int) -> list[Candidate]:
    """The best `most` without repeats: a text that says what a better one says is remembered with that one.

    Neighbours are never folded, even where they repeat a table's header: together they make a longer passage.
    """
    kept: list[tuple[Candidate, Shingles]] = []
    for candidate in ranked:
        if len(kept) == most:
            break
        own = shingles(candidate.chunk.text)
        twin = next((n for n, (other, known) in enumerate(kept) if _repeats(candidate, own, other, known)), None)
        if twin is None:
            kept.append((candidate, own))
        else:
            better, known = kept[twin]
            kept[twin] = replace(better, folded=(*better.folded, candidate.chunk)), known
    return [candidate for candidate, _ in kept]


@lru_cache(maxsize=KEPT)
def shingles(text: str) -> Shingles:
    """All runs of four words, each as its hash in this process; the whole text where it has fewer."""
    words = WORD.findall(text.lower())
    return frozenset(map(hash, zip(*(words[start:] for start in range(SHINGLE)), strict=False))) or frozenset(
        [hash(tuple(words))]
    )


def _repeats(candidate: Candidate, own: Shingles, other: Candidate, known: Shingles) -> bool:
    if candidate.chunk.text == other.chunk.text:
        return True
    fewer, more = sorted((len(own), len(known)))
    if fewer < ALIKE * more or _are_neighbours(candidate.chunk, other.chunk):
        return False
    common = len(own & known)
    return common >= ALIKE * (fewer + more - common)


def merge(ranked: Sequence[Candidate], *, longest: int = LONGEST) -> list[Group]:
    """Chunks that follow one another on one page become one group, at the rank of the best of them.

    Not across pages: a citation names the page its text stands on.
    """
    groups: list[list[Candidate]] = []
    for candidate in ranked:
        beside = [group for group in groups if any(_belong_together(candidate.chunk, each.chunk) for each in group)]
        if beside and sum(map(len, beside)) < longest:  # it may close the gap between two groups
            beside[0] += [each for group in beside[1:] for each in group] + [candidate]
            groups = [group for group in groups if group not in beside[1:]]
        elif beside and len(beside[0]) < longest:
            beside[0].append(candidate)
        else:
            groups.append([candidate])
    return [Group(group[0], tuple(sorted(group, key=lambda each: each.chunk.position))) for group in groups]


def _belong_together(one: FoundChunk, other: FoundChunk) -> bool:
    return one.page == other.page and _are_neighbours(one, other)


def _are_neighbours(one: FoundChunk, other: FoundChunk) -> bool:
    if one.document_id != other.document_id or one.version_id != other.version_id:
        return False
    return abs(one.position - other.position) == 1


def trim(groups: Iterable[Group], *, limit: int, token_budget: int) -> list[Group]:
    """The best `limit` groups that fit into the budget together. The best one stays, however long it is."""
    kept: list[Group] = []
    used = 0
    for group in groups:
        needed = len(group.text.encode()) // BYTES_PER_TOKEN
        if len(kept) < limit and (not kept or used + needed <= token_budget):
            kept.append(group)
            used += needed
    return kept


def numbered(groups: Iterable[Group]) -> tuple[Passage, ...]:
    return tuple(passage(n, group) for n, group in enumerate(groups, start=1))


def passage(n: int, group: Group) -> Passage:
    best, first, last = group.best.chunk, group.members[0].chunk, group.members[-1].chunk
    pages = [page for each in group.members for page in (each.chunk.page, each.chunk.last_page) if page is not None]
    return Passage(
        n=n,
        chunk_id=best.chunk_id,
        document_id=best.document_id,
        title=best.title,
        text=group.text,
        heading_path=_common_path([each.chunk.heading_path for each in group.members]),
        page=min(pages, default=None),
        position=first.position,
        score=group.best.score,
        similarity=max(each.similarity for each in group.members),
        version_id=best.version_id,
        version_number=best.version_number,
        last_page=max(pages, default=None),
        last_position=last.position,
        char_start=first.char_start,
        section=first.section,
        place=place_of([each.chunk.place for each in group.members]),
        boxes=tuple(box for each in group.members for box in each.chunk.boxes),
        also_in=_others(group),
        source_url=best.source_url,
    )


def place_of(places: Sequence[str]) -> str:
    """Where all of it is: "lines 1-20", then "lines 21-40", are "lines 1-20; lines 21-40"."""
    return "; ".join(dict.fromkeys(place for place in places if place))


def _common_path(paths: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """The headings that all the chunks are under."""
    common = 0
    while all(len(path) > common and path[common] == paths[0][common] for path in paths):
        common += 1
    return paths[0][:common]


def _others(group: Group) -> tuple[UUID, ...]:
    own = group.best.chunk.document_id
    found = (chunk.document_id for member in group.members for chunk in member.folded)
    return tuple(dict.fromkeys(document for document in found if document != own))
