"""Each mark of an answer with the words of its passage that bear the sentence out, while the answer streams. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from knowledge.answering.matching import LEAST_TERMS, UNKNOWN, Claim, Evidence, Match, evidence_of, judged
from knowledge.answering.sentences import CODE_SPAN, LINK, Block, BlockReader, Kind, Line, pieces_in
from knowledge.types import Passage, Support

_MARK = re.compile(r"\[(\d{1,3})\](?!\()")
_NOTHING = " \t\n.,;:*_|-"  # what may stand around marks that stand alone
_TAG = re.compile(r"<[a-zA-Z/][^<>\n]{0,60}>")


@dataclass(frozen=True, slots=True)
class Mark:
    n: int
    start: int
    end: int


@dataclass
class SupportChecker:
    """Feed it the answer as it is shown; it gives one `Support` for each mark, in order, as soon as it can be told.

    The result does not depend on where the pieces were cut: a block is looked at when it is complete. `uncited` counts
    the sentences that say something and cite nothing.
    """

    passages: Sequence[Passage]
    uncited: int = 0
    _text: str = ""
    _begun: int = 0  # where the line that is still coming begins
    _reader: BlockReader = field(default_factory=BlockReader)
    _evidence: dict[int, Evidence] = field(default_factory=dict)
    _open: list[Claim] = field(default_factory=list)  # of this block and the one before, not cited yet
    _last: list[Claim] = field(default_factory=list)  # what the marks before stood behind

    def feed(self, text: str) -> list[Support]:
        self._text += text
        found: list[Support] = []
        while (newline := self._text.find("\n", self._begun)) >= 0:
            found += self._line(newline)
        return found

    def flush(self) -> list[Support]:
        found = self._line(len(self._text)) if self._begun < len(self._text) else []
        return found + [support for block in self._reader.flush() for support in self._block(block)]

    def _line(self, end: int) -> list[Support]:
        line = Line(self._text[self._begun : end], self._begun)
        self._begun = end + 1
        return [support for block in self._reader.feed(line) for support in self._block(block)]

    def _block(self, block: Block) -> Iterator[Support]:
        before, self._open = self._open, []
        if block.kind is Kind.CODE:
            self._open = [Claim(block.start, block.end, self._text[block.start : block.end], Kind.CODE)]
            return
        raw = self._text[block.start : block.end]
        marks = self._marks(_blanked(CODE_SPAN, raw), block.start)
        plain = _blanked(_TAG, _blanked(LINK, raw))
        for start, end in self._pieces(block):
            inside = [mark for mark in marks if start <= mark.start < end]
            claims = list(_claims((start, end), inside, plain, block))
            is_bare = not _without(inside, plain, start, end, block.start).strip(_NOTHING)
            if is_bare and inside:
                yield from self._late(inside, self._open or before or self._last)
                before = []
            elif inside:
                for claim, group in claims:
                    self._last = [claim]
                    yield from self._checked(self._last, group)
            elif not is_bare and not _is_head(block, start):
                self._open.append(claims[0][0])
                self.uncited += claims[0][0].says_something

    def _pieces(self, block: Block) -> list[tuple[int, int]]:
        """Of a table its head as well: it is no claim, but a mark may stand in it."""
        if block.kind is Kind.HEADING:
            return [(block.start, block.end)]
        found = [(piece.start, piece.end) for piece in pieces_in(block, self._text)]
        has_head = block.kind is Kind.ROW and len(found) < len(block.lines)
        return [(block.start, block.lines[0].end), *found] if has_head else found

    def _marks(self, text: str, start: int) -> list[Mark]:
        offered = {passage.n for passage in self.passages}
        found = (Mark(int(mark[1]), start + mark.start(), start + mark.end()) for mark in _MARK.finditer(text))
        return [mark for mark in found if mark.n in offered]

    def _late(self, group: Sequence[Mark], claims: list[Claim]) -> Iterator[Support]:
        """Marks that stand alone, behind a table, a listing or a paragraph."""
        self.uncited -= sum(claim.says_something for claim in claims if claim not in self._last)
        self._open, self._last = [], claims
        yield from self._checked(claims, group)

    def _checked(self, claims: Sequence[Claim], group: Sequence[Mark]) -> Iterator[Support]:
        cited = list(dict.fromkeys(mark.n for mark in group))
        verdicts = [self._verdicts(claim, cited) for claim in claims]
        for mark in group:
            yield _joined(claims, [verdict[mark.n] for verdict in verdicts], mark)

    def _verdicts(self, claim: Claim, cited: Sequence[int]) -> dict[int, Match]:
        return judged(claim, {n: self._evidence_of(n) for n in cited})

    def _evidence_of(self, n: int) -> Evidence:
        if n not in self._evidence:
            cited = next(passage for passage in self.passages if passage.n == n)
            self._evidence[n] = evidence_of(cited.text, (cited.title, *cited.heading_path))
        return self._evidence[n]


def _joined(claims: Sequence[Claim], verdicts: Sequence[Match], mark: Mark) -> Support:
    """One mark behind several rows or sentences: borne out when each of them is, or none is told to be wrong."""
    start = min((claim.start for claim in claims), default=mark.start)
    end = max((claim.end for claim in claims), default=mark.end)
    span = start, max(end, mark.end)
    quoted = [verdict for verdict in verdicts if verdict.end]
    if any(verdict.score == 0 for verdict in verdicts):
        return Support(mark.n, *span, None, None, 0.0)
    if not quoted:
        return Support(mark.n, *span, None, None, UNKNOWN)
    first, last = min(each.start for each in quoted), max(each.end for each in quoted)
    return Support(mark.n, *span, first, last, round(min(each.score for each in quoted), 3))


def _is_head(block: Block, start: int) -> bool:
    return block.kind is Kind.HEADING or (block.kind is Kind.ROW and start == block.start and len(block.lines) > 1)


# -- a sentence and its marks ----------------------------------------------------------------------


def _claims(
    piece: tuple[int, int], marks: Sequence[Mark], plain: str, block: Block
) -> Iterator[tuple[Claim, list[Mark]]]:
    """The stretches of a sentence, each with the marks behind it; the whole sentence where it has one group of marks,
    or where a stretch says too little to be checked alone."""
    start, end = piece
    groups = _groups(marks, plain, block.start)
    whole = Claim(start, end, _without(marks, plain, start, end, block.start), block.kind)
    if len(groups) < 2:
        yield whole, list(marks)
        return
    begin = start
    for group in groups:
        stop = end if group is groups[-1] else group[-1].end
        part = Claim(begin, stop, _without(marks, plain, begin, stop, block.start), block.kind)
        yield part if len(part.terms) >= LEAST_TERMS else whole, group
        begin = stop


def _groups(marks: Sequence[Mark], plain: str, offset: int) -> list[list[Mark]]:
    groups: list[list[Mark]] = []
    for mark in marks:
        if groups and not plain[groups[-1][-1].end - offset : mark.start - offset].strip(" ,;"):
            groups[-1].append(mark)
        else:
            groups.append([mark])
    return groups


def _without(marks: Sequence[Mark], plain: str, start: int, end: int, offset: int) -> str:
    text = plain[start - offset : end - offset]
    for mark in reversed(marks):
        if start <= mark.start and mark.end <= end:
            text = text[: mark.start - start] + " " + text[mark.end - start :]
    return text


def _blanked(pattern: re.Pattern[str], text: str) -> str:
    return pattern.sub(lambda found: " " * len(found[0]), text)
