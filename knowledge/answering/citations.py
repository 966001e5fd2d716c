"""Citation marks in streamed text. Pure: no Django, no vendor.

One pass over text that arrives in pieces cut anywhere: marks are brought into one form, `[1][2]`, numbers that were
never offered disappear, code and links stay as they are. The result does not depend on where the pieces were cut.
"""

from __future__ import annotations

import re
from enum import Enum, auto

_NUMBERS = r"[0-9]{1,3}(?:[ ]*[,;\u2013-][ ]*[0-9]{1,3})*"
_MARK = re.compile(
    rf"[\[\uff3b][ ]*({_NUMBERS})[ ]*[\]\uff3d]"  # [1] [1, 2] [1-3], also in full-width brackets
    rf"|\u3010[ ]*({_NUMBERS})(?:[^0-9\u3011\n][^\u3011\n]{{0,23}})?\u3011"  # the form of OpenAI's models: 【1†source】
)
_MARK_BEGUN = re.compile(r"(?:[\[\uff3b][0-9 ,;\u2013-]{0,40}|\u3010[^\u3011\n]{0,48})\Z")
_RANGE = re.compile(r"([0-9]{1,3})[ ]*[\u2013-][ ]*([0-9]{1,3})")
_SPECIAL = re.compile(r"[\[\uff3b\u3010`~\\]")
_FENCE_RUN = re.compile(r"`+|~+")
_TICKS_OR_NEWLINE = re.compile(r"`+|\n")
_FENCE_MAY_FOLLOW = re.compile(r"[ \t>]*(?:(?:[-*+]|[0-9]{1,3}[.)])[ \t]+)?")
_HEAD_KEPT = 200  # of the current line: enough to tell whether a fence may start or end on it
_TAIL_KEPT = 64  # of the current line: longer than any mark
_WIDEST_RANGE = 20
_NO_SPACE_BEFORE = " \n\r\t.,;:!?)]}\u2026\u3002\uff0c"


class _Mode(Enum):
    TEXT = auto()
    CODE_SPAN = auto()
    FENCE = auto()


class CitationFilter:
    """Feed it the answer as it comes; it holds back only what may still become a mark, and spaces before one."""

    def __init__(self, available: int) -> None:
        self._available = available
        self._cited: dict[int, None] = {}
        self._held = ""
        self._gap = ""  # the spaces before a mark that was dropped: what follows decides whether they are needed
        self._head = self._tail = ""  # of the output line that is being written
        self._mode = _Mode.TEXT
        self._fence = ""  # the run that opened the code we are in
        self._may_be_block = False  # the run stood where a fenced block can start

    @property
    def cited(self) -> tuple[int, ...]:
        """Numbers in order of first use."""
        return tuple(self._cited)

    def feed(self, text: str) -> str:
        if self._is_plain(text):
            text = self._joined(text)
            self._remember(text)
            return text
        self._held += text
        return self._advance(is_last=False)

    def flush(self) -> str:
        """What was held back, at the end of the answer."""
        return self._advance(is_last=True)

    def _is_plain(self, text: str) -> bool:
        """Most pieces mean nothing to us; they need no steps."""
        if self._held or self._mode is not _Mode.TEXT or not text or text[-1] == " ":
            return False
        return _SPECIAL.search(text) is None

    def _advance(self, *, is_last: bool) -> str:
        written: list[str] = []
        held, position = self._held, 0
        while position < len(held):
            step = _STEPS[self._mode]
            after, piece = step(self, held, position, is_last)
            if after == position:
                break
            position = after
            self._remember(piece)
            written.append(piece)
        self._held = held[position:]
        return "".join(written)

    def _text(self, held: str, start: int, is_last: bool) -> tuple[int, str]:
        special = _SPECIAL.search(held, start)
        end = special.start() if special else len(held)
        character = held[end] if special else ""
        plain = held[start:end]
        if character in ("`", "~", "\\"):
            return (end, self._joined(plain)) if plain else self._code_or_escape(held, end, is_last)
        visible = plain if is_last and not special else plain.rstrip(" ")
        if visible:
            return start + len(visible), self._joined(visible)
        return self._bracket(held, start, end, is_last) if special else (start, "")

    def _bracket(self, held: str, start: int, bracket: int, is_last: bool) -> tuple[int, str]:
        """What stands at `bracket`: a mark, the text of a link, or just a bracket. Spaces from `start` precede it."""
        mark = _MARK.match(held, bracket)
        if mark is None:
            if not is_last and _MARK_BEGUN.match(held, bracket):
                return start, ""
            return bracket + 1, self._joined(held[start : bracket + 1])
        end = mark.end()
        if end == len(held) and not is_last:
            return start, ""
        body = mark[1] or mark[2]
        numbers = _numbers(body)
        offered = [number for number in numbers if 1 <= number <= self._available]
        is_other = not numbers or (not offered and _RANGE.search(body))
        if is_other or held[end : end + 1] == "(":
            return end, self._joined(held[start:end])
        if offered:
            self._cited.update(dict.fromkeys(offered))
            return end, self._joined(held[start:bracket] + "".join(f"[{number}]" for number in offered))
        return end, self._dropped(held[start:bracket], body)

    def _dropped(self, spaces: str, numbers: str) -> str:
        before = self._tail + self._gap + spaces
        if _MARK_BEGUN.search(before) or before.endswith(("~", "`")):
            # What stands left and right would join to a mark or a fence that nobody wrote.
            return self._joined(f"{spaces or ' '}({numbers})")
        self._gap = self._gap or spaces
        return ""

    def _code_or_escape(self, held: str, start: int, is_last: bool) -> tuple[int, str]:
        run = _FENCE_RUN.match(held, start)
        end = run.end() if run else start + 2
        if not is_last and (end > len(held) or (run and end == len(held))):
            return start, ""
        piece = held[start:end]
        if run:
            self._may_be_block = len(piece) >= 3 and _FENCE_MAY_FOLLOW.fullmatch(self._head) is not None
            if self._may_be_block or piece[0] == "`":
                self._mode, self._fence = _Mode.CODE_SPAN, piece
        return min(end, len(held)), self._joined(piece)

    def _code_span(self, held: str, start: int, is_last: bool) -> tuple[int, str]:
        """Until the same run of backticks, or the end of the line; a fenced block starts with such a line."""
        found = _TICKS_OR_NEWLINE.search(held, start)
        if found is None:
            return len(held), held[start:]
        if found[0] == "\n":
            self._mode = _Mode.FENCE if self._may_be_block else _Mode.TEXT
        elif found.end() == len(held) and not is_last:
            return found.start(), held[start : found.start()]
        elif found[0] == self._fence:
            self._mode = _Mode.TEXT
        return found.end(), held[start : found.end()]

    def _fenced(self, held: str, start: int, is_last: bool) -> tuple[int, str]:
        """Line by line until one that holds nothing but the fence. Nothing is held back."""
        newline = held.find("\n", start)
        if newline == -1:
            return len(held), held[start:]
        if self._closes_fence((self._head + held[start:newline])[: _HEAD_KEPT + 1]):
            self._mode = _Mode.TEXT
        return newline + 1, held[start : newline + 1]

    def _closes_fence(self, line: str) -> bool:
        line = line.strip(" \t\r>")
        return len(line) >= len(self._fence) and not line.strip(self._fence[0]) and len(line) <= _HEAD_KEPT

    def _joined(self, text: str) -> str:
        """Text behind a dropped mark: one space between words, none before punctuation."""
        gap, self._gap = self._gap, ""
        return text if not gap or text[0] in _NO_SPACE_BEFORE else gap + text

    def _remember(self, piece: str) -> None:
        newline = piece.rfind("\n")
        if newline >= 0:
            self._head = self._tail = ""
            piece = piece[newline + 1 :]
        self._head = (self._head + piece)[: _HEAD_KEPT + 1]
        self._tail = (self._tail + piece)[-_TAIL_KEPT:]


_STEPS = {
    _Mode.TEXT: CitationFilter._text,
    _Mode.CODE_SPAN: CitationFilter._code_span,
    _Mode.FENCE: CitationFilter._fenced,
}


def clean_citations(text: str, available: int) -> tuple[str, tuple[int, ...]]:
    """A whole text at once: the text with its marks in order, and the numbers it cites."""
    marks = CitationFilter(available)
    return marks.feed(text) + marks.flush(), marks.cited


def _numbers(body: str) -> list[int]:
    """The numbers a mark names, each once; none when it is no mark after all, for instance `[1-2-3]`."""
    numbers: list[int] = []
    for part in re.split(r"[,;]", body):
        span = _RANGE.fullmatch(part.strip())
        if span is None and not part.strip().isdigit():
            return []
        first, last = (int(span[1]), int(span[2])) if span else (int(part), int(part))
        if not 0 <= last - first <= _WIDEST_RANGE:
            return []
        numbers += range(first, last + 1)
    return list(dict.fromkeys(numbers))
