"""Pictures of pages (.png, .jpg, .tiff): their text, where a program that recognises text is installed."""

from __future__ import annotations

from knowledge.errors import DocumentTooLarge, ScannedDocument
from knowledge.ingestion.readers import ocr
from knowledge.ingestion.readers.limits import MEGABYTE
from knowledge.ingestion.readers.source import Source
from knowledge.types import ParsedDocument

_MOST = 40 * MEGABYTE
_NO_RECOGNITION = (
    "This is a picture, and text recognition (OCR) is not installed here. Ask your administrator to install Tesseract, "
    "or upload a version that contains text."
)
_NOTHING_RECOGNISED = "No text was recognised in this picture. Upload a sharper one, or a version that contains text."


def read_image(source: Source) -> ParsedDocument:
    if not ocr.is_installed():
        raise ScannedDocument(_NO_RECOGNITION, detail="no tesseract")
    if source.path.stat().st_size > _MOST:
        raise DocumentTooLarge(detail="picture")
    blocks = tuple(ocr.blocks_of_image(source.path.read_bytes(), seconds=source.limits.max_seconds))
    if not blocks:
        raise ScannedDocument(_NOTHING_RECOGNISED, detail="no word recognised")
    pages = max((block.page or 1 for block in blocks), default=1)
    return ParsedDocument(blocks, page_count=pages, recognised_pages=pages)
