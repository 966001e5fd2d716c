"""Small files made on the spot: each test shows what its document holds."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import docx
import pytest
from PIL import Image
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    Flowable,
    PageBreak,
    Paragraph,
    SimpleDocTemplate,
    Table,
)

OFFICE_SAMPLES = Path(os.environ.get("VENA_SHARED", Path(__file__).parents[4] / "shared")) / "data/office_samples"
STYLES = getSampleStyleSheet()


def sample(name: str) -> Path:
    path = OFFICE_SAMPLES / name
    if not path.exists():
        pytest.skip(f"{path} is not on this machine")
    return path


def pdf_of_pages(path: Path, pages: Sequence[Sequence[str]], password: str = "", size: float = 11) -> Path:
    """Each page a list of lines, from the top, with plain type."""
    encryption = StandardEncryption(password, "owner") if password else None
    canvas = Canvas(str(path), encrypt=encryption)
    for lines in pages:
        canvas.setFont("Helvetica", size)
        for number, line in enumerate(lines):
            canvas.drawString(72, 750 - number * 14, line)
        canvas.showPage()
    canvas.save()
    return path


def pdf_of_columns(path: Path, left: Sequence[str], right: Sequence[str]) -> Path:
    """Two columns of text, written line by line across both, as some producers do."""
    canvas = Canvas(str(path))
    canvas.setFont("Helvetica", 10)
    for number, (one, other) in enumerate(zip(left, right, strict=True)):
        canvas.drawString(60, 750 - number * 12, one)
        canvas.drawString(320, 750 - number * 12, other)
    canvas.save()
    return path


def pdf_of_picture(path: Path) -> Path:
    canvas = Canvas(str(path))
    canvas.drawImage(ImageReader(Image.new("RGB", (50, 50), "grey")), 0, 0, 500, 700)
    canvas.save()
    return path


def pdf_of_story(path: Path, story: Sequence[Flowable], *, title: str = "") -> Path:
    SimpleDocTemplate(str(path), title=title or None).build(list(story))
    return path


def heading(text: str, level: int = 1) -> Flowable:
    return Paragraph(text, STYLES[f"Heading{level}"])


def body(text: str) -> Flowable:
    return Paragraph(text, STYLES["BodyText"])


def table(rows: list[list[str]]) -> Flowable:
    return Table(rows)


def new_page() -> Flowable:
    return PageBreak()


def docx_of(path: Path, write: Callable[[docx.document.Document], object]) -> Path:
    document = docx.Document()
    write(document)
    document.save(str(path))
    return path


def with_parts(path: Path, parts: dict[str, bytes]) -> Path:
    """The same package with some parts replaced or added."""
    source = zipfile.ZipFile(io.BytesIO(path.read_bytes()))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            if name not in parts:
                target.writestr(name, source.read(name))
        for name, content in parts.items():
            target.writestr(name, content)
    return path
