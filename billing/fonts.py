"""The fonts of PDFs: Liberation Sans, shipped with the pages (Latin, Greek, Cyrillic), else those of reportlab."""

from __future__ import annotations

import functools
from pathlib import Path

import reportlab
from django.conf import settings
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

PLAIN, BOLD = "VenaSans", "VenaSans-Bold"
SHIPPED = Path("static/dist/pdfjs/standard_fonts")
FILES = {PLAIN: ("LiberationSans-Regular.ttf", "Vera.ttf"), BOLD: ("LiberationSans-Bold.ttf", "VeraBd.ttf")}


@functools.cache
def fonts_register() -> None:
    for name, (ours, theirs) in FILES.items():
        path = Path(settings.BASE_DIR, SHIPPED, ours)
        pdfmetrics.registerFont(
            TTFont(name, path if path.exists() else Path(reportlab.__file__).parent / "fonts" / theirs)
        )
