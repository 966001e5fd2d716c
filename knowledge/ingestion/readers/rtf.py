"""Rich text (.rtf): its paragraphs, without its type."""

from __future__ import annotations

from striprtf.striprtf import rtf_to_text

from knowledge.errors import DamagedDocument
from knowledge.ingestion.readers.packages import damage_named
from knowledge.ingestion.readers.source import Source
from knowledge.ingestion.readers.text import cleaned, line_paragraphs_of
from knowledge.types import ParsedDocument


def read_rtf(source: Source) -> ParsedDocument:
    data = source.path.read_bytes()
    if data.rstrip(b"\x00\r\n\t ")[-1:] != b"}":
        raise DamagedDocument(detail="no closing brace")
    # Line ends mean nothing here. With one before each field the library's search for links stays within a field.
    text = data.decode("latin-1").replace("{\\field", "\n{\\field").replace("\\par", "\n\\par")
    with damage_named():
        words = rtf_to_text(text, errors="replace")  # type: ignore[no-untyped-call]
    return ParsedDocument(line_paragraphs_of(cleaned(words)))
