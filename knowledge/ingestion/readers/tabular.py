"""Rows of a sheet become tables: parted where rows are empty, each with its header and the exact rows it shows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from knowledge.errors import DocumentTooLarge
from knowledge.ingestion.readers.tables import markdown_table
from knowledge.types import Block, BlockKind

Row = tuple[int, Sequence[str]]  # its number in the sheet, from 1, and its cells
_NUMBER = re.compile(r"\s*[-+(]?[$€£¥]?\s?\d[\d.,' ]*\s?[%)]?\s*")


def blocks_of_rows(rows: Iterable[Row], *, sheet: str = "", max_characters: int) -> Iterator[Block]:
    header: Sequence[str] = ()
    left = max_characters
    for region in _regions(rows):
        for block, found in _region_blocks(region, header, sheet):
            header = found
            left -= len(block.text)
            if left < 0:
                raise DocumentTooLarge(detail=f"more than {max_characters} characters")
            yield block


def _regions(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """Neighbouring rows that hold something."""
    region: list[Row] = []
    for number, cells in rows:
        if any(cell and not cell.isspace() for cell in cells):
            region.append((number, cells))
        elif region:
            yield region
            region = []
    if region:
        yield region


def _region_blocks(region: list[Row], header: Sequence[str], sheet: str) -> Iterator[tuple[Block, Sequence[str]]]:
    """Its blocks, each with the header that further regions of like width may take over."""
    while len(region) > 1 and _width(region[0]) == 1 < _width(region[1]):  # a caption above the table
        yield _line(region[0], sheet), header
        region = region[1:]
    goes_on = _goes_on(region[0][1], header)
    if len(region) == 1 and not goes_on:
        yield _line(region[0], sheet), header
        return
    used, data = (header, region) if goes_on else (region[0][1], region[1:])
    text = markdown_table([used, *(cells for _, cells in data)])
    yield Block(BlockKind.TABLE, text, place=_place(sheet, data[0][0], data[-1][0]), name=sheet), used


def _goes_on(first: Sequence[str], header: Sequence[str]) -> bool:
    """Rows with numbers, as wide as the table above the empty row, go on with that table."""
    return 1 < len(header) == len(first) and any(map(_NUMBER.fullmatch, first))


def _width(row: Row) -> int:
    return sum(bool(cell.strip()) for cell in row[1])


def _line(row: Row, sheet: str) -> Block:
    text = " | ".join(" ".join(cell.split()) for cell in row[1] if cell.strip())
    return Block(BlockKind.PARAGRAPH, text, place=_place(sheet, row[0], row[0]), name=sheet)


def _place(sheet: str, first: int, last: int) -> str:
    rows = f"row {first}" if first == last else f"rows {first}-{last}"
    return f"Sheet {sheet}, {rows}" if sheet else rows
