"""Workbooks (.xlsx, .xlsb, .xls, .ods): each sheet's tables with the values their formulas had when it was saved."""

from __future__ import annotations

import datetime
import re
import zipfile
from collections.abc import Iterator
from typing import Any

import python_calamine as calamine

from knowledge.errors import DamagedDocument, DocumentTooLarge, EncryptedDocument
from knowledge.ingestion.readers.packages import check_package, damage_named
from knowledge.ingestion.readers.source import Source
from knowledge.ingestion.readers.tabular import Row, blocks_of_rows
from knowledge.ingestion.readers.text import cleaned
from knowledge.types import Block, ParsedDocument

_CHUNK = 1 << 20
_CELL = re.compile(rb"""<(?:\w+:)?(?:c|row)\b[^>]{0,200}?\br\s*=\s*["']([A-Za-z]{0,3})(\d{1,7})["']""")
_REPEATED = re.compile(rb"""number-(?:rows|columns)-repeated\s*=\s*["'](\d+)["'][^>]{0,300}?(/?)>""")
_MOST_REPEATS = 100_000


def read_sheets(source: Source) -> ParsedDocument:
    if zipfile.is_zipfile(source.path):
        check_package(source.path, source.limits)
        _check_extent(source)
    return ParsedDocument(tuple(_blocks(source)))


def _blocks(source: Source) -> Iterator[Block]:
    left, cells = source.limits.max_characters, source.limits.max_cells
    for sheet in _sheets(source):
        cells -= sheet.total_height * sheet.total_width
        if cells < 0:
            raise DocumentTooLarge(detail=f"more than {source.limits.max_cells} cells at sheet {sheet.name!r}")
        name = " ".join(cleaned(sheet.name).split())
        for block in blocks_of_rows(_rows(sheet), sheet=name, max_characters=left):
            left -= len(block.text)
            yield block


def _sheets(source: Source) -> Iterator[Any]:
    try:
        with damage_named(), source.path.open("rb") as file, calamine.CalamineWorkbook.from_filelike(file) as book:
            for meta in book.sheets_metadata:
                if meta.typ is calamine.SheetTypeEnum.WorkSheet and meta.visible is calamine.SheetVisibleEnum.Visible:
                    yield book.get_sheet_by_name(meta.name)
    except calamine.PasswordError as error:
        raise EncryptedDocument(detail=str(error)) from error
    except calamine.CalamineError as error:
        raise DamagedDocument(detail=f"{type(error).__name__}: {error}") from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # of the library's own code; it derives from no Exception
            raise
        raise DamagedDocument(detail=f"panic: {error}") from error


def _rows(sheet: Any) -> Iterator[Row]:
    if sheet.start is None:
        return
    for number, cells in enumerate(sheet.iter_rows(), start=1):
        yield number, [_text(cell) for cell in cells]


def _text(value: object) -> str:
    match value:
        case str():
            return cleaned(value)
        case bool():
            return str(value).upper()
        case float():
            return f"{value:.15g}"
        case datetime.datetime() if value.time() == datetime.time():
            return value.date().isoformat()
        case datetime.datetime():
            return value.isoformat(" ", "seconds")
    return str(value)


# -- bombs ----------------------------------------------------------------------------------------


def _check_extent(source: Source) -> None:
    """One cell in the last row and column makes the parser lay out billions: how far cells reach is looked at first."""
    with damage_named(), zipfile.ZipFile(source.path) as package:
        for part in package.infolist():
            name = part.filename.lower()
            if name.startswith("xl/worksheets/") and name.endswith(".xml"):
                _check_sheet(package, part, source.limits.max_cells)
            elif name == "content.xml":
                _check_repeats(package, part)


def _check_sheet(package: zipfile.ZipFile, part: zipfile.ZipInfo, max_cells: int) -> None:
    rows, columns = [1 << 30, 0], [1 << 30, 0]
    for found in _matches(package, part, _CELL):
        row, column = int(found[2]), _column(found[1])
        rows = [min(rows[0], row), max(rows[1], row)]
        if column:
            columns = [min(columns[0], column), max(columns[1], column)]
    if (rows[1] - rows[0] + 1) * (columns[1] - columns[0] + 1) > max_cells and columns[1]:
        raise DocumentTooLarge(detail=f"{part.filename} reaches to row {rows[1]}, column {columns[1]}")


def _check_repeats(package: zipfile.ZipFile, part: zipfile.ZipInfo) -> None:
    for found in _matches(package, part, _REPEATED):
        is_empty_cell = found[2] == b"/" and b"value" not in found[0]
        if int(found[1]) > _MOST_REPEATS and not is_empty_cell and b"row" not in found[0][:11]:
            raise DocumentTooLarge(detail=f"a cell repeated {int(found[1])} times")


def _matches(package: zipfile.ZipFile, part: zipfile.ZipInfo, pattern: re.Pattern[bytes]) -> Iterator[re.Match[bytes]]:
    before = b""
    with package.open(part) as stream:
        while data := stream.read(_CHUNK):
            yield from pattern.finditer(before + data)
            before = data[-400:]


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number
