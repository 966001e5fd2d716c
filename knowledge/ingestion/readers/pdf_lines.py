"""What PDFium knows about one page, as lines of text with their place and type. The only module that talks to it."""

from __future__ import annotations

import ctypes
import itertools
import math
import re
import statistics
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pypdfium2
import pypdfium2.raw as pdfium

from knowledge.errors import DamagedDocument, EncryptedDocument

_one_at_a_time = threading.Lock()  # PDFium is not thread safe, not even on different documents
_BOLD = 600  # font weight
_WIDE = 1.1  # a gap of this many font sizes parts two cells
_STRETCHED = 2.5  # times the line's usual gap
_CURRENCIES = frozenset("$€£¥")
_AMOUNT_ENDS = frozenset("0123456789)%—–-")
_LEADING = frozenset("$€£¥•▪◦●○*-")  # signs that belong to what follows, however far it stands
_TRAILING = frozenset(["%", ")", ")%", "%)"])
_BOLD_NAME = re.compile(rb"bold|black|heavy|demi", re.IGNORECASE)
_HYPHENS = re.compile("[\x02\ufffe]")  # what PDFium writes for a hyphen at a line's end
_WORD = re.compile("[^\\s\x02\ufffe]+[\x02\ufffe]?")


@dataclass(frozen=True, slots=True)
class Cell:
    left: float
    right: float
    text: str


@dataclass(frozen=True, slots=True)
class Line:
    """`cells` has more than one entry when wide gaps part the line."""

    text: str
    size: float
    is_bold: bool
    left: float
    right: float
    top: float  # grows towards the top of the page
    bottom: float
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class PageLines:
    """A page as it is seen: upright, cut to its crop box, in points from its lower left corner."""

    lines: list[Line]
    width: float
    height: float
    has_picture: bool = False  # and no text


@dataclass(frozen=True, slots=True)
class Picture:
    """8 bits of grey a pixel, row by row from the top."""

    width: int
    height: int
    pixels: bytes
    scale: float  # pixels a point


class PdfFile:
    """One open PDF. Every call takes the lock only for one page, so that documents take turns."""

    def __init__(self, document: pypdfium2.PdfDocument) -> None:
        self._document = document
        with _one_at_a_time:
            self.page_count = len(document)
            self.title = str(document.get_metadata_dict().get("Title", "")).strip()

    def page(self, index: int) -> PageLines:
        with _one_at_a_time:
            try:
                with closing(self._document[index]) as page, closing(page.get_textpage()) as text_page:
                    view = _View(page)
                    lines = _Page(text_page, view).lines()
                    return PageLines(lines, view.width, view.height, has_picture=not lines and _has_picture(page))
            except pypdfium2.PdfiumError as error:
                raise DamagedDocument(detail=f"page {index + 1}: {error}") from error

    def picture(self, index: int, dots_per_inch: int, most_pixels: int) -> Picture:
        """The page as it looks, in grey."""
        with _one_at_a_time:
            try:
                with closing(self._document[index]) as page:
                    return _picture(page, dots_per_inch, most_pixels)
            except pypdfium2.PdfiumError as error:
                raise DamagedDocument(detail=f"page {index + 1}: {error}") from error


@contextmanager
def opened(path: Path) -> Iterator[PdfFile]:
    with _one_at_a_time:
        document = _document(path)
    try:
        yield PdfFile(document)
    finally:
        with _one_at_a_time:
            document.close()


def _document(path: Path) -> pypdfium2.PdfDocument:
    try:
        return pypdfium2.PdfDocument(str(path))
    except pypdfium2.PdfiumError as error:
        # A failure that sets no code leaves that of the file before, so the file itself has to say it too.
        if error.err_code in (pdfium.FPDF_ERR_PASSWORD, pdfium.FPDF_ERR_SECURITY) and b"/Encrypt" in path.read_bytes():
            raise EncryptedDocument(detail=str(error)) from error
        raise DamagedDocument(detail=str(error)) from error


def _has_picture(page: pypdfium2.PdfPage) -> bool:
    return any(True for _ in page.get_objects(max_depth=3))


def _picture(page: pypdfium2.PdfPage, dots_per_inch: int, most_pixels: int) -> Picture:
    width, height = page.get_size()
    scale = min(dots_per_inch / 72, math.sqrt(most_pixels / max(1.0, width * height)))
    with closing(page.render(scale=scale, grayscale=True)) as bitmap:
        data, stride = bytes(bitmap.buffer), bitmap.stride
        rows = (data[start : start + bitmap.width] for start in range(0, stride * bitmap.height, stride))
        return Picture(bitmap.width, bitmap.height, b"".join(rows), scale)


class _View:
    """From the coordinates a page is written in to those it is seen in: turned, and cut to its crop box."""

    def __init__(self, page: pypdfium2.PdfPage) -> None:
        box = pdfium.FS_RECTF()
        pdfium.FPDF_GetPageBoundingBox(page.raw, box)
        self._left, self._bottom = box.left, box.bottom
        width, height = box.right - box.left, box.top - box.bottom
        self._turns = pdfium.FPDFPage_GetRotation(page.raw) % 4
        self._wide, self._high = width, height
        self.width, self.height = (height, width) if self._turns % 2 else (width, height)

    def seen(self, left: float, bottom: float, right: float, top: float) -> tuple[float, float, float, float]:
        left, right, bottom, top = left - self._left, right - self._left, bottom - self._bottom, top - self._bottom
        match self._turns:
            case 1:
                return bottom, self._wide - right, top, self._wide - left
            case 2:
                return self._wide - right, self._high - top, self._wide - left, self._high - bottom
            case 3:
                return self._high - top, left, self._high - bottom, right
        return left, bottom, right, top


@dataclass(frozen=True, slots=True)
class _Word:
    text: str
    start: int  # index of its first character
    left: float
    right: float


class _Page:
    def __init__(self, text_page: pypdfium2.PdfTextPage, view: _View) -> None:
        self._view = view
        self._raw = text_page.raw
        self._text = text_page.get_text_range()
        self._is_aligned = len(self._text) == text_page.count_chars()
        self._name = ctypes.create_string_buffer(128)
        self._left, self._right, self._bottom, self._top = (ctypes.c_double() for _ in range(4))

    def lines(self) -> list[Line]:
        found: list[Line] = []
        start = 0
        for text in self._text.split("\n"):
            words = [self._word(match[0], start + match.start()) for match in _WORD.finditer(text)]
            found += [self._line(run) for run in _forward_runs(words)]
            start += len(text) + 1
        return found

    def _word(self, text: str, start: int) -> _Word:
        left, right = self._sides(start)
        if len(text) > 1:
            right = self._sides(start + len(text) - 1)[1]
        return _Word(text, start, left, right)

    def _line(self, words: list[_Word]) -> Line:
        first, last = words[0], words[-1]
        size = self._size(first.start)
        cells = _cells(words, size)
        text = " ".join(cell.text for cell in cells)
        middle = words[len(words) // 2].start
        bottom, top = self._height(first.start)
        return Line(
            text=_HYPHENS.sub("-", text),
            size=max(size, self._size(middle)),
            is_bold=self._is_bold(first.start) and self._is_bold(last.start),
            left=first.left,
            right=last.right,
            top=top,
            bottom=bottom,
            cells=cells,
        )

    def _index(self, position: int) -> int:
        """Position in the text to position among PDFium's characters; the two differ on odd pages only."""
        return position if self._is_aligned else pdfium.FPDFText_GetCharIndexFromTextIndex(self._raw, position)

    def _sides(self, position: int) -> tuple[float, float]:
        pdfium.FPDFText_GetCharBox(self._raw, self._index(position), self._left, self._right, self._bottom, self._top)
        left, _, right, _ = self._view.seen(self._left.value, self._bottom.value, self._right.value, self._top.value)
        return left, right

    def _size(self, position: int) -> float:
        """As seen, not as declared: some producers declare 1 and scale."""
        size = pdfium.FPDFText_GetFontSize(self._raw, self._index(position))
        matrix = pdfium.FS_MATRIX()
        if pdfium.FPDFText_GetMatrix(self._raw, self._index(position), matrix):
            size *= math.hypot(matrix.c, matrix.d)
        return round(float(size), 1)

    def _height(self, position: int) -> tuple[float, float]:
        """Bottom and top, as high as the font, not as the one character."""
        box = pdfium.FS_RECTF()
        pdfium.FPDFText_GetLooseCharBox(self._raw, self._index(position), box)
        _, bottom, _, top = self._view.seen(box.left, box.bottom, box.right, box.top)
        return bottom, top

    def _is_bold(self, position: int) -> bool:
        """Few producers set the weight; most say it in the font's name."""
        index = self._index(position)
        length = pdfium.FPDFText_GetFontInfo(self._raw, index, self._name, len(self._name), None)
        is_named_bold = 0 < length <= len(self._name) and _BOLD_NAME.search(self._name.raw[:length])
        return bool(is_named_bold) or pdfium.FPDFText_GetFontWeight(self._raw, index) >= _BOLD


def _forward_runs(words: list[_Word]) -> Iterator[list[_Word]]:
    """A line that jumps back to the left is two lines that PDFium took for one."""
    run: list[_Word] = []
    for word in words:
        if run and word.left < run[-1].left:
            yield run
            run = []
        run.append(word)
    if run:
        yield run


def _cells(words: list[_Word], size: float) -> tuple[Cell, ...]:
    gaps = [after.left - before.right for before, after in itertools.pairwise(words)]
    usual = statistics.median_low(gaps) if gaps else 0.0
    is_stretched = len(gaps) > 2 and usual < _WIDE * size  # justified text has wide gaps too, but all alike
    least = max(_WIDE * size, _STRETCHED * usual if is_stretched else 0.0)
    groups = [[words[0]]]
    for word, gap in zip(words[1:], gaps, strict=True):
        before = groups[-1][-1].text
        is_next_amount = word.text in _CURRENCIES and before[-1] in _AMOUNT_ENDS
        if is_next_amount or (gap > least and before not in _LEADING and word.text not in _TRAILING):
            groups.append([])
        groups[-1].append(word)
    return tuple(Cell(group[0].left, group[-1].right, " ".join(word.text for word in group)) for group in groups)
