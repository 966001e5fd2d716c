"""Documents made for tests."""

from __future__ import annotations

import io
from pathlib import Path

import pypdfium2
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.platypus import PageBreak, Paragraph, SimpleDocTemplate

LIGHTHOUSE = (
    (
        "The tower",
        "The lighthouse of Skerry Point was built in 1872 from granite blocks that were cut on the mainland. Its tower is "
        "thirty-one metres high. A spiral staircase of 148 steps leads to the lantern room.",
    ),
    (
        "The lamp",
        "The lamp burns a light of two white flashes every fifteen seconds. On a clear night it is seen from twenty-two "
        "nautical miles away. The lens is of the first order and weighs three tonnes.",
    ),
    (
        "The fog signal",
        "In fog the siren sounds one blast of four seconds every minute. The compressor is tested each Tuesday at noon, "
        "and neighbours are told by a notice on the harbour board.",
    ),
    (
        "Supplies",
        "The supply boat lands every second Thursday at the eastern jetty, provided that the swell is below one and a half "
        "metres. The keeper orders lamp oil, flour and batteries nine days ahead.",
    ),
    (
        "Visitors",
        "Visitors are admitted from May to September. A guided tour costs six pounds, and children under twelve enter free. "
        "Dogs stay at the gate because of the nesting terns.",
    ),
)
ON_PAGE_4 = "How often does the supply boat land at the eastern jetty?"
ON_PAGE_5 = "What does a guided tour of the lighthouse cost?"


def lighthouse_pdf() -> bytes:
    """Five pages, a subject each."""
    file, styles = io.BytesIO(), getSampleStyleSheet()
    story = []
    for heading, text in LIGHTHOUSE:
        story += [Paragraph(heading, styles["Heading1"]), Paragraph(text, styles["BodyText"]), PageBreak()]
    SimpleDocTemplate(file, pagesize=A4, title="Keeper's book of Skerry Point").build(story)
    return file.getvalue()


def agreement(sections: int) -> bytes:
    """A Markdown text of so many sections; four of them fill about a page. No two are alike."""
    return "\n\n".join(section(number) for number in range(1, sections + 1)).encode()


def section(number: int) -> str:
    return (
        f"## Section {number}\n\n"
        f"Clause {number} of the framework agreement binds warehouse {number} to deliver within {number % 30 + 1} days. "
        f"Its keeper reports the stock of item {number * 7} every month and pays {number * 13} pounds for a late pallet. "
        f"Notice is given in writing to both registered offices, with the reference {number * 31}-F, and a dispute goes "
        "to arbitration before it goes to any court."
    )


def first_pages(path: Path, count: int) -> bytes:
    whole, part, file = pypdfium2.PdfDocument(path), pypdfium2.PdfDocument.new(), io.BytesIO()
    part.import_pages(whole, list(range(count)))
    part.save(file)
    return file.getvalue()
