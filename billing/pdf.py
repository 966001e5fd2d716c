"""A sheet of figures as PDF, for people who print and sign. Pure."""

from __future__ import annotations

import io
from datetime import date
from decimal import Decimal
from typing import Any
from xml.sax.saxutils import escape

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.platypus import LongTable, Paragraph, SimpleDocTemplate, Spacer, TableStyle

from billing.fonts import BOLD, PLAIN, fonts_register
from billing.money import places_for, pounds
from billing.sheets import About, Cell, Sheet

MARGIN = 16 * mm
LONGEST_CELL = 200  # characters; a row must fit on a page
TEXT = ParagraphStyle("text", fontName=PLAIN, fontSize=8, leading=10, wordWrap="CJK")
HEAD = ParagraphStyle("head", parent=TEXT, fontName=BOLD)
NUMBER = ParagraphStyle("number", parent=TEXT, alignment=2)
HEAD_NUMBER = ParagraphStyle("head number", parent=HEAD, alignment=2)
TITLE = ParagraphStyle("title", parent=HEAD, fontSize=14, leading=18)


def pdf_of(sheet: Sheet, about: About) -> bytes:
    fonts_register()
    out = io.BytesIO()
    size = landscape(A4) if len(sheet.printed or sheet.columns) > 6 else A4
    page = {"leftMargin": MARGIN, "rightMargin": MARGIN, "topMargin": MARGIN, "bottomMargin": MARGIN}
    template = SimpleDocTemplate(out, pagesize=size, title=sheet.title, author=about.organisation, lang="en", **page)
    said = f"{about.organisation}. {sheet.since:%d %b %Y} to {sheet.until:%d %b %Y}, days of UTC."
    made = f"Made on {about.made_at:%d %b %Y, %H:%M} UTC. Pounds, at the prices and exchange rates of each call."
    story: list[Any] = [
        Paragraph(escape(sheet.title), TITLE),
        *(Paragraph(escape(text), TEXT) for text in (said, made, *sheet.notes)),
        Spacer(1, 5 * mm),
        table_of(sheet, size[0] - 2 * MARGIN),
    ]
    template.build(story, onFirstPage=numbered, onLaterPages=numbered)
    return out.getvalue()


def table_of(sheet: Sheet, width: float) -> LongTable:
    shown = [sheet.columns.index(name) for name in sheet.printed or sheet.columns]
    names = sum(1 for column in shown if column < sheet.keys)
    total: tuple[Cell, ...] = ("Total", *[None] * (sheet.keys - 1), *sheet.total)
    places = max((places_for(value) for value in sheet.total if isinstance(value, Decimal)), default=2)
    lines = [
        [Paragraph(escape(sheet.columns[column]), HEAD if column < sheet.keys else HEAD_NUMBER) for column in shown],
        *([cell_of(row[column], places, NUMBER) for column in shown] for row in sheet.rows),
        [Paragraph("Total", HEAD) if column == 0 else cell_of(total[column], places, HEAD_NUMBER) for column in shown],
    ]
    number = min(26 * mm, width * 0.6 / max(1, len(shown) - names))
    name = (width - number * (len(shown) - names)) / names
    rules = [
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("LINEBELOW", (0, 0), (-1, 0), 0.8, colors.black),
        ("LINEBELOW", (0, 1), (-1, -2), 0.25, colors.lightgrey),
        ("LINEABOVE", (0, -1), (-1, -1), 0.8, colors.black),
    ]
    widths = [name if place < names else number for place in range(len(shown))]
    return LongTable(lines, colWidths=widths, repeatRows=1, style=TableStyle(rules))


def cell_of(cell: Cell, places: int, number: ParagraphStyle) -> Paragraph:
    match cell:
        case None:
            return Paragraph("", TEXT)
        case Decimal():
            return Paragraph(escape(pounds(cell, places)), number)
        case int():
            return Paragraph(f"{cell:,}", number)
        case date():
            return Paragraph(f"{cell:%d %b %Y}", TEXT)
    return Paragraph(escape(cell if len(cell) <= LONGEST_CELL else f"{cell[:LONGEST_CELL]}…"), TEXT)


def numbered(canvas: Any, template: Any) -> None:
    canvas.setFont(PLAIN, 8)
    canvas.drawRightString(template.pagesize[0] - MARGIN, 9 * mm, f"Page {canvas.getPageNumber()}")
