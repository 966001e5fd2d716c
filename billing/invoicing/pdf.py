"""An invoice, a credit note or a draft as PDF. Made from what the row holds, so the same row is the same page."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any
from xml.sax.saxutils import escape

from django_countries import countries
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import KeepTogether, LongTable, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from billing.fonts import BOLD, PLAIN, fonts_register
from billing.models import Invoice, InvoiceLine
from billing.money import pounds
from billing.plans.periods import month_end

MARGIN = 20 * mm
WIDTH = A4[0] - 2 * MARGIN
PADDING = 6  # points that reportlab's frame keeps by itself
INK, SOFT, RULE = colors.HexColor("#1c1b1a"), colors.HexColor("#6b6762"), colors.HexColor("#d9d4ce")
TEXT = ParagraphStyle("text", fontName=PLAIN, fontSize=9, leading=13, textColor=INK)
SMALL = ParagraphStyle("small", parent=TEXT, fontSize=8, leading=11, textColor=SOFT)
STRONG = ParagraphStyle("strong", parent=TEXT, fontName=BOLD)
LABEL = ParagraphStyle("label", parent=SMALL, fontName=BOLD)
RIGHT = ParagraphStyle("right", parent=TEXT, alignment=2)
RIGHT_LABEL = ParagraphStyle("right label", parent=LABEL, alignment=2)
RIGHT_STRONG = ParagraphStyle("right strong", parent=STRONG, alignment=2, fontSize=11, leading=15)
TITLE = ParagraphStyle("title", parent=STRONG, fontSize=22, leading=26, alignment=2)
SELLER = ParagraphStyle("seller", parent=STRONG, fontSize=13, leading=18)
TITLES = {Invoice.Kind.INVOICE: "Invoice", Invoice.Kind.CREDIT_NOTE: "Credit note", Invoice.Kind.STATEMENT: "Statement"}


def invoice_pdf(invoice: Invoice, lines: Sequence[InvoiceLine]) -> bytes:
    fonts_register()
    out = io.BytesIO()
    title = f"{TITLES[Invoice.Kind(invoice.kind)]} {invoice.number or 'draft'}"
    template = SimpleDocTemplate(
        out,
        pagesize=A4,
        title=title,
        author=invoice.seller.get("name", ""),
        lang="en-GB",
        leftMargin=MARGIN - PADDING,
        rightMargin=MARGIN - PADDING,
        topMargin=MARGIN,
        bottomMargin=26 * mm,
    )
    story = [
        head(invoice),
        Spacer(1, 8 * mm),
        parties(invoice),
        Spacer(1, 8 * mm),
        table_of(invoice, lines),
        KeepTogether([Spacer(1, 4 * mm), totals(invoice), Spacer(1, 8 * mm), *closing_words(invoice)]),
    ]
    foot = foot_of(invoice.seller)
    template.build(story, canvasmaker=lambda *args, **kwargs: Numbered(*args, foot=foot, **kwargs))
    return out.getvalue()


def head(invoice: Invoice) -> Table:
    seller = invoice.seller
    left = [Paragraph(escape(seller.get("name", "")), SELLER), *address_of(seller, SMALL)]
    words = TITLES[Invoice.Kind(invoice.kind)] if invoice.is_closed else "Draft"
    right = [Paragraph(words, TITLE)]
    if invoice.number:
        right.append(Paragraph(escape(invoice.number), RIGHT))
    return columns([left, right], [WIDTH * 0.6, WIDTH * 0.4])


def parties(invoice: Invoice) -> Table:
    customer = invoice.customer
    left = [Paragraph("Billed to", LABEL), Paragraph(escape(customer.get("name", invoice.organisation_label)), STRONG)]
    left += address_of(customer, TEXT)
    if customer.get("vat_number"):
        left.append(Paragraph(f"VAT number {escape(customer['vat_number'])}", TEXT))
    facts = [(name, value) for name, value in facts_of(invoice) if value]
    rows = [[Paragraph(name, RIGHT_LABEL), Paragraph(escape(value), RIGHT)] for name, value in facts]
    right = Table(rows, colWidths=[WIDTH * 0.2, WIDTH * 0.22], style=TableStyle(TIGHT))
    return columns([left, [right]], [WIDTH * 0.58, WIDTH * 0.42])


def facts_of(invoice: Invoice) -> list[tuple[str, str]]:
    days = f"{invoice.month:%-d %b} – {month_end(invoice.month):%-d %b %Y}"
    return [
        ("Issued on", f"{invoice.issued_on:%-d %B %Y}" if invoice.issued_on else ""),
        ("Due on", f"{invoice.due_on:%-d %B %Y}" if invoice.due_on else ""),
        ("Period", days),
        ("For invoice", invoice.corrects.number or "" if invoice.corrects else ""),
        ("Your order", invoice.customer.get("purchase_order", "")),
    ]


def address_of(who: dict[str, Any], style: ParagraphStyle) -> list[Paragraph]:
    lines = [line.strip() for line in who.get("address", "").splitlines() if line.strip()]
    country = countries.name(who["country"]) if who.get("country") else ""
    return [Paragraph(escape(line), style) for line in [*lines, country] if line]


def table_of(invoice: Invoice, lines: Sequence[InvoiceLine]) -> LongTable:
    rows: list[list[Any]] = [
        [
            Paragraph("Description", LABEL),
            Paragraph("Days", LABEL),
            Paragraph("Calls", RIGHT_LABEL),
            Paragraph("Cost", RIGHT_LABEL),
            Paragraph("Amount", RIGHT_LABEL),
        ]
    ]
    for line in lines:
        is_usage = line.kind == InvoiceLine.Kind.USAGE
        rows.append(
            [
                Paragraph(escape(line.text), TEXT),
                Paragraph(days_of(line), TEXT),
                Paragraph(f"{line.calls:,}" if is_usage else "", RIGHT),
                Paragraph(pounds(line.cost_gbp, 4) if is_usage else "", RIGHT),
                Paragraph(pounds(line.amount_gbp), RIGHT),
            ]
        )
    rules = [
        ("LINEBELOW", (0, 0), (-1, 0), 0.8, INK),
        ("LINEBELOW", (0, 1), (-1, -1), 0.4, RULE),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("LEFTPADDING", (0, 0), (0, -1), 0),
        ("RIGHTPADDING", (-1, 0), (-1, -1), 0),
        ("TOPPADDING", (0, 0), (-1, -1), 4),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 4),
    ]
    widths = [WIDTH * part for part in (0.46, 0.17, 0.1, 0.13, 0.14)]
    return LongTable(rows, colWidths=widths, repeatRows=1, style=TableStyle(rules))


def days_of(line: InvoiceLine) -> str:
    if line.until == month_end(line.since) and line.since.day == 1:
        return f"{line.since:%b %Y}"
    return f"{line.since:%-d}–{line.until:%-d %b}" if line.since != line.until else f"{line.since:%-d %b}"


def totals(invoice: Invoice) -> Table:
    rule = Invoice.Tax(invoice.tax_rule) if invoice.tax_rule else None
    percent = f"{invoice.tax_percent.normalize():f} %"
    said = f"VAT {percent}" if rule is Invoice.Tax.STANDARD else rule.label if rule else "VAT, when it is closed"
    sign = "Credited" if invoice.kind == Invoice.Kind.CREDIT_NOTE else "Total"
    rows = [
        [Paragraph("Net", RIGHT), Paragraph(pounds(invoice.net_gbp), RIGHT)],
        [Paragraph(said, RIGHT), Paragraph(pounds(invoice.tax_gbp) if rule else "–", RIGHT)],
        [Paragraph(f"{sign}, GBP", RIGHT_STRONG), Paragraph(pounds(invoice.total_gbp), RIGHT_STRONG)],
    ]
    style = [*TIGHT, ("LINEABOVE", (0, 2), (-1, 2), 0.8, INK), ("TOPPADDING", (0, 2), (-1, 2), 5)]
    return Table(rows, colWidths=[WIDTH * 0.26, WIDTH * 0.18], hAlign="RIGHT", style=TableStyle(style))


def closing_words(invoice: Invoice) -> list[Any]:
    words: list[Any] = []
    if invoice.tax_note:
        words += [Paragraph(escape(invoice.tax_note), TEXT), Spacer(1, 3 * mm)]
    if invoice.reason:
        words += [Paragraph(f"Reason: {escape(invoice.reason)}", TEXT), Spacer(1, 3 * mm)]
    if invoice.kind == Invoice.Kind.INVOICE and invoice.seller.get("bank_details"):
        words += [Paragraph("How to pay", LABEL)]
        words += [Paragraph(escape(line), TEXT) for line in invoice.seller["bank_details"].splitlines()]
        if invoice.number:
            words.append(Paragraph(f"Reference {escape(invoice.number)}", TEXT))
        words.append(Spacer(1, 3 * mm))
    cost = "Cost is what providers charged for the calls, at the published prices and the exchange rate of each call."
    return [*words, Paragraph(cost, SMALL)] if invoice.kind != Invoice.Kind.CREDIT_NOTE else words


def foot_of(seller: dict[str, Any]) -> str:
    parts = [seller.get("name", "")]
    if seller.get("company_number"):
        parts.append(f"Company number {seller['company_number']}")
    if seller.get("vat_number"):
        parts.append(f"VAT number {seller['vat_number']}")
    return " · ".join([*parts, seller.get("email", "")]).strip(" ·")


TIGHT = [
    ("LEFTPADDING", (0, 0), (-1, -1), 0),
    ("RIGHTPADDING", (0, 0), (-1, -1), 0),
    ("TOPPADDING", (0, 0), (-1, -1), 1),
    ("BOTTOMPADDING", (0, 0), (-1, -1), 1),
    ("VALIGN", (0, 0), (-1, -1), "TOP"),
]


def columns(cells: list[list[Any]], widths: list[float]) -> Table:
    return Table([cells], colWidths=widths, style=TableStyle(TIGHT))


class Numbered(Canvas):
    """Writes the foot when the number of pages is known."""

    def __init__(self, *args: Any, foot: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.foot, self.pages = foot, list[dict[str, Any]]()

    def showPage(self) -> None:  # noqa: N802  (reportlab's name)
        self.pages.append(dict(self.__dict__))
        self._startPage()

    def save(self) -> None:
        for page in self.pages:
            self.__dict__.update(page)
            self.setFont(PLAIN, 7.5)
            self.setFillColor(SOFT)
            self.drawString(MARGIN, 14 * mm, self.foot)
            self.drawRightString(A4[0] - MARGIN, 14 * mm, f"Page {self.getPageNumber()} of {len(self.pages)}")
            super().showPage()
        super().save()
