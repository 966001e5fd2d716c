"""Text recognition with Tesseract, where its program is installed: one page at a time, in a process of its own."""

from __future__ import annotations

import csv
import io
import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import groupby
from typing import TYPE_CHECKING

from knowledge.errors import DamagedDocument, DocumentTooComplex
from knowledge.ingestion.readers.text import cleaned
from knowledge.types import Block, BlockKind, Box

if TYPE_CHECKING:
    from knowledge.ingestion.readers.pdf_lines import Picture

DOTS_PER_INCH = 200  # enough for type of 8 points; 300 takes twice the time
MOST_PIXELS = 12_000_000  # a page of 14 by 21 inches at that resolution
_SECONDS = 60.0  # for one page
_LEAST_CONFIDENCE = 30.0  # of a word, in percent: below are specks and lines taken for letters
_PROGRAM = "tesseract"


@cache
def is_installed() -> bool:
    return shutil.which(_PROGRAM) is not None


@cache
def _languages() -> str:
    """All that are installed: the documents of one organisation may be in any of them."""
    command = [_program(), "--list-langs"]
    listed = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False).stdout  # noqa: S603
    names = [line.strip() for line in listed.splitlines()[1:]]
    wanted = sorted((name for name in names if name not in ("", "osd", "equ")), key=lambda name: name != "eng")
    return "+".join(wanted[:6]) or "eng"


def _program() -> str:
    return shutil.which(_PROGRAM) or _PROGRAM


def blocks_of_picture(picture: Picture, page: int, *, seconds: float = _SECONDS) -> list[Block]:
    """Paragraphs with their boxes, in points of the page."""
    data = b"P5 %d %d 255\n" % (picture.width, picture.height) + picture.pixels
    return list(_blocks(_recognised(data, seconds, DOTS_PER_INCH), page, picture.scale))


def blocks_of_image(data: bytes, *, seconds: float = _SECONDS) -> list[Block]:
    """The same for the bytes of an image file, of which every image is a page; its pixels count as points."""
    return list(_blocks(_recognised(data, seconds, None), None, 1.0))


def _recognised(data: bytes, seconds: float, dots_per_inch: int | None) -> str:
    """A table with one row a word, as Tesseract writes it."""
    if seconds <= 0:
        raise DocumentTooComplex(detail="no time left for text recognition")
    command = [_program(), "stdin", "stdout", "-l", _languages(), "--psm", "3"]
    command += ["--dpi", str(dots_per_inch)] if dots_per_inch else []
    try:
        done = subprocess.run(  # noqa: S603 - no word of the command comes from outside
            [*command, "tsv"],
            input=data,
            capture_output=True,
            timeout=min(seconds, _SECONDS),
            check=False,
            env={**os.environ, "OMP_THREAD_LIMIT": "1"},  # its threads cost more than they bring
        )
    except subprocess.TimeoutExpired as error:
        raise DocumentTooComplex(detail=f"text recognition took more than {error.timeout} s") from error
    if done.returncode:
        raise DamagedDocument(detail=done.stderr.decode(errors="replace")[-300:])
    return done.stdout.decode(errors="replace")


def _blocks(table: str, page: int | None, scale: float) -> Iterator[Block]:
    rows = csv.DictReader(io.StringIO(table), delimiter="\t", quoting=csv.QUOTE_NONE)
    words = (row for row in rows if row["level"] == "5" and float(row["conf"]) >= _LEAST_CONFIDENCE and row["text"])
    for key, paragraph in groupby(words, key=lambda row: (row["page_num"], row["block_num"], row["par_num"])):
        found = list(paragraph)
        text = cleaned(_joined(" ".join(line) for line in _lines(found))).strip()
        if any(map(str.isalnum, text)):
            number = page or int(key[0])
            yield Block(BlockKind.PARAGRAPH, text, page=number, boxes=(_box(found, number, scale),))


def _lines(words: Iterable[dict[str, str]]) -> Iterator[list[str]]:
    for _, line in groupby(words, key=lambda row: row["line_num"]):
        yield [row["text"] for row in line]


def _joined(lines: Iterable[str]) -> str:
    """Lines of a paragraph as one; a word parted at a line's end is whole again."""
    whole = ""
    for line in lines:
        parted = whole.endswith("-") and whole[-2:-1].isalpha() and line[:1].islower()
        whole = whole[:-1] + line if parted else f"{whole} {line}".lstrip()
    return whole


def _box(words: list[dict[str, str]], page: int, scale: float) -> Box:
    lefts, tops = [int(row["left"]) for row in words], [int(row["top"]) for row in words]
    rights = [left + int(row["width"]) for left, row in zip(lefts, words, strict=True)]
    bottoms = [top + int(row["height"]) for top, row in zip(tops, words, strict=True)]
    sides = (min(lefts), min(tops), max(rights), max(bottoms))
    left, top, right, bottom = (round(side / scale, 1) for side in sides)
    return Box(page, left, top, right, bottom)
