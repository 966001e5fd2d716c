"""A report as a file: CSV for programs, XLSX for people who calculate on. Pure."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

import xlsxwriter

from billing.reports import Figures, Line, Report

Cell = str | int | Decimal | date
KEYS = {
    "day": ("Day",),
    "member": ("Member", "Member id"),
    "model": ("Provider", "Model"),
    "kind": ("Kind", "Kind's code"),
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
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
MONEY, COUNT, DAY = "£#,##0.0000####", "#,##0", "yyyy-mm-dd"
FORMATS: dict[type, str] = {int: COUNT, Decimal: MONEY, date: DAY}
ABOUT_WIDTHS = (24, 60)


@dataclass(frozen=True, slots=True)
class About:
    """What a file says of itself."""

    organisation: str
    made_at: datetime


def header(report: Report) -> tuple[str, ...]:
    return KEYS[report.group_by] + SUMS


def cells(report: Report, line: Line) -> tuple[Cell, ...]:
    """A line's cells under `header`, each of its own type."""
    return keys(report.group_by, line) + sums(line.figures)


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


# -- CSV ------------------------------------------------------------------------------------------


def csv_of(report: Report) -> bytes:
    """UTF-8, a line a group, no totals."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(header(report))
    writer.writerows([written(cell) for cell in cells(report, line)] for line in report.lines)
    return out.getvalue().encode()


def written(cell: Cell) -> str:
    match cell:
        case str():
            return inert(cell)
        case Decimal():
            return f"{cell:.8f}"
    return str(cell)


def inert(text: str) -> str:
    """A text that a spreadsheet would take for a formula gets an apostrophe in front, as spreadsheets write it."""
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA_STARTS) else text


# -- XLSX -----------------------------------------------------------------------------------------


def xlsx_of(report: Report, about: About) -> bytes:
    """Typed cells; the totals are formulas, so they follow whoever takes lines out."""
    out = io.BytesIO()
    # Texts stay texts: no formula, link or number is made of what a person or provider is called.
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(out, options) as book:
        sheet_of_lines(book, report)
        sheet_about(book, report, about)
    return out.getvalue()


def sheet_of_lines(book: xlsxwriter.Workbook, report: Report) -> None:
    sheet = book.add_worksheet("Usage")
    bold = book.add_format({"bold": True, "text_wrap": True, "valign": "top", "bottom": 1})
    formats = {kind: book.add_format({"num_format": number}) for kind, number in FORMATS.items()}
    names = header(report)
    for column, name in enumerate(names):
        sheet.write_string(0, column, name, bold)
        sheet.set_column(column, column, 34 if column < len(KEYS[report.group_by]) else 15)
    for row, line in enumerate(report.lines, start=1):
        for column, cell in enumerate(cells(report, line)):
            put(sheet, row, column, cell, formats)
    totals(book, sheet, report)
    sheet.freeze_panes(1, len(KEYS[report.group_by]))
    sheet.autofilter(0, 0, max(len(report.lines), 1), len(names) - 1)


def put(sheet: xlsxwriter.worksheet.Worksheet, row: int, column: int, cell: Cell, formats: dict[type, object]) -> None:
    match cell:
        case str():
            sheet.write_string(row, column, cell)
        case date():
            sheet.write_datetime(row, column, cell, formats[date])
        case _:
            sheet.write_number(row, column, cell, formats[type(cell)])


def totals(book: xlsxwriter.Workbook, sheet: xlsxwriter.worksheet.Worksheet, report: Report) -> None:
    """A formula for each sum, with its value, so that also readers that do not calculate show it."""
    row, first = len(report.lines) + 1, len(KEYS[report.group_by])
    line = {"bold": True, "top": 1}
    sheet.write_string(row, 0, "Total", book.add_format(line))
    for column, value in enumerate(sums(report.total), start=first):
        letter = xlsxwriter.utility.xl_col_to_name(column)
        formula = f"=SUM({letter}2:{letter}{row})" if report.lines else "=0"
        sheet.write_formula(row, column, formula, book.add_format({**line, "num_format": FORMATS[type(value)]}), value)


def sheet_about(book: xlsxwriter.Workbook, report: Report, about: About) -> None:
    sheet = book.add_worksheet("About")
    day = book.add_format({"num_format": DAY, "align": "left"})
    moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm", "align": "left"})
    for column, width in enumerate(ABOUT_WIDTHS):
        sheet.set_column(column, column, width)
    for row, name in enumerate(("Organisation", "From", "To, included", "Made at (UTC)", "Currency", "Days")):
        sheet.write_string(row, 0, name, book.add_format({"bold": True}))
    sheet.write_string(0, 1, about.organisation)
    sheet.write_datetime(1, 1, report.since, day)
    sheet.write_datetime(2, 1, report.until, day)
    sheet.write_datetime(3, 1, about.made_at.replace(tzinfo=None), moment)
    sheet.write_string(4, 1, "Pounds sterling, at the prices and exchange rates in force at each call")
    sheet.write_string(5, 1, "Of UTC")


def file_name(report: Report, ending: str) -> str:
    return f"usage-by-{report.group_by}-{report.since}-to-{report.until}.{ending}"


def media_type(ending: str) -> str:
    types: dict[str, str] = {
        "csv": "text/csv; charset=utf-8",
        "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    }
    return types[ending]


def as_file(report: Report, ending: str, about: About) -> bytes:
    return csv_of(report) if ending == "csv" else xlsx_of(report, about)
