"""Reports and statements as files: CSV for programs, XLSX for people who calculate on, PDF to sign. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import date
from decimal import Decimal

import xlsxwriter

from billing.pdf import pdf_of
from billing.reports import Figures, Line, Report
from billing.sheets import MONEY, About, Cell, Sheet

KEYS = {
    "day": ("Day",),
    "member": ("Member", "Member id"),
    "model": ("Provider", "Model"),
    "kind": ("Kind", "Kind's code"),
    "group": ("Group", "Group id"),
    "cost_centre": ("Cost centre", "Cost centre's code"),
    "key": ("API key", "API key id"),
    "collection": ("Collection", "Collection id"),
    "conversation": ("Conversation", "Conversation id"),
}
SUMS = (
    "Calls",
    "Answers",
    "Input tokens",
    "of these read from a cache",
    "of these written to a cache",
    "Output tokens",
    "Cost in GBP",
    "Saved by providers' caches in GBP",
    "Calls without a price",
    "Calls with estimated tokens",
)
PRINTED = ("Calls", "Answers", "Input tokens", "Output tokens", "Cost in GBP")  # what a page has room for
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
COUNT, DAY = "#,##0", "yyyy-mm-dd"
FORMATS: dict[type, str] = {int: COUNT, Decimal: MONEY, date: DAY}
ABOUT_WIDTHS = (24, 60)
TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pdf": "application/pdf",
}
FILES = tuple(TYPES)


def sheet_of(report: Report) -> Sheet:
    names = KEYS[report.group_by]
    return Sheet(
        title=f"Usage by {report.group_by.replace('_', ' ')}",
        name="Usage",
        columns=names + SUMS,
        keys=len(names),
        rows=tuple(keys(report.group_by, line) + sums(line.figures) for line in report.lines),
        total=sums(report.total),
        since=report.since,
        until=report.until,
        stem=f"usage-by-{report.group_by}",
        printed=(names[0], *PRINTED) if names[1:] != ("Model",) else (*names, *PRINTED),
    )


def keys(group: str, line: Line) -> tuple[Cell, ...]:
    match group:
        case "day":
            return (date.fromisoformat(line.key),)
        case "model":
            provider, _, model = line.key.partition("/")
            return provider, model
    return line.label, line.key


def sums(figures: Figures) -> tuple[int | Decimal, ...]:
    return (
        figures.calls,
        figures.answers,
        figures.input_tokens,
        figures.cached_input_tokens,
        figures.cache_write_tokens,
        figures.output_tokens,
        figures.cost_gbp,
        figures.cache_saved_gbp,
        figures.unpriced_calls,
        figures.estimated_calls,
    )


def csv_of(report: Report) -> bytes:
    return csv_of_sheet(sheet_of(report))


def xlsx_of(report: Report, about: About) -> bytes:
    return xlsx_of_sheet(sheet_of(report), about)


def as_file(report: Report, ending: str, about: About) -> bytes:
    return file_of(sheet_of(report), ending, about)


def file_name(report: Report, ending: str) -> str:
    return sheet_of(report).file_name(ending)


def media_type(ending: str) -> str:
    return TYPES[ending]


def file_of(sheet: Sheet, ending: str, about: About) -> bytes:
    match ending:
        case "csv":
            return csv_of_sheet(sheet)
        case "pdf":
            return pdf_of(sheet, about)
    return xlsx_of_sheet(sheet, about)


# -- CSV ------------------------------------------------------------------------------------------


def csv_of_sheet(sheet: Sheet) -> bytes:
    """UTF-8, a line a group, no totals."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(sheet.columns)
    writer.writerows([written(cell) for cell in row] for row in sheet.rows)
    return out.getvalue().encode()


def written(cell: Cell) -> str:
    match cell:
        case None:
            return ""
        case str():
            return inert(cell)
        case Decimal():
            return f"{cell:.8f}"
    return str(cell)


def inert(text: str) -> str:
    """A text that a spreadsheet would take for a formula gets an apostrophe in front, as spreadsheets write it."""
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA_STARTS) else text


# -- XLSX -----------------------------------------------------------------------------------------


def xlsx_of_sheet(sheet: Sheet, about: About) -> bytes:
    """Typed cells; the totals are formulas, so they follow whoever takes lines out."""
    out = io.BytesIO()
    # Texts stay texts: no formula, link or number is made of what a person or provider is called.
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(out, options) as book:
        sheet_of_lines(book, sheet)
        sheet_about(book, sheet, about)
    return out.getvalue()


def sheet_of_lines(book: xlsxwriter.Workbook, sheet: Sheet) -> None:
    page = book.add_worksheet(sheet.name)
    bold = book.add_format({"bold": True, "text_wrap": True, "valign": "top", "bottom": 1})
    formats = {kind: book.add_format({"num_format": number}) for kind, number in FORMATS.items()}
    for column, name in enumerate(sheet.columns):
        page.write_string(0, column, name, bold)
        page.set_column(column, column, 34 if column < sheet.keys else 15)
    for row, cells in enumerate(sheet.rows, start=1):
        for column, cell in enumerate(cells):
            put(page, row, column, cell, formats)
    totals(book, page, sheet)
    page.freeze_panes(1, sheet.keys)
    page.autofilter(0, 0, max(len(sheet.rows), 1), len(sheet.columns) - 1)


def put(page: xlsxwriter.worksheet.Worksheet, row: int, column: int, cell: Cell, formats: dict[type, object]) -> None:
    match cell:
        case None:
            pass
        case str():
            page.write_string(row, column, cell)
        case date():
            page.write_datetime(row, column, cell, formats[date])
        case _:
            page.write_number(row, column, cell, formats[type(cell)])


def totals(book: xlsxwriter.Workbook, page: xlsxwriter.worksheet.Worksheet, sheet: Sheet) -> None:
    """A formula for each sum, with its value, so that also readers that do not calculate show it."""
    row = len(sheet.rows) + 1
    line = {"bold": True, "top": 1}
    page.write_string(row, 0, "Total", book.add_format(line))
    for column, value in enumerate(sheet.total, start=sheet.keys):
        if value is None:  # no sum: an average, or a count of people who are in several lines
            continue
        letter = xlsxwriter.utility.xl_col_to_name(column)
        formula = f"=SUM({letter}2:{letter}{row})" if sheet.rows else "=0"
        page.write_formula(row, column, formula, book.add_format({**line, "num_format": FORMATS[type(value)]}), value)


def sheet_about(book: xlsxwriter.Workbook, sheet: Sheet, about: About) -> None:
    page = book.add_worksheet("About")
    day = book.add_format({"num_format": DAY, "align": "left"})
    moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm", "align": "left"})
    for column, width in enumerate(ABOUT_WIDTHS):
        page.set_column(column, column, width)
    names: Sequence[str] = ("Organisation", "From", "To, included", "Made at (UTC)", "Currency", "Days", *sheet.notes)
    for row, name in enumerate(names):
        page.write_string(row, 0, name, book.add_format({"bold": row < len(names) - len(sheet.notes)}))
    page.write_string(0, 1, about.organisation)
    page.write_datetime(1, 1, sheet.since, day)
    page.write_datetime(2, 1, sheet.until, day)
    page.write_datetime(3, 1, about.made_at.replace(tzinfo=None), moment)
    page.write_string(4, 1, "Pounds sterling, at the prices and exchange rates in force at each call")
    page.write_string(5, 1, "Of UTC")
