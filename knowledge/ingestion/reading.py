"""A file becomes a parsed document, or one of our failures that says what to do. Knows no Django.

What a file is, is decided by its content; its name has to agree. A reader's module, and the library it brings, is
imported when the first file of its kind comes.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from knowledge.errors import (
    DamagedDocument,
    DocumentTooComplex,
    DocumentTooLarge,
    EmptyDocument,
    EncryptedDocument,
    MislabelledDocument,
    UnsupportedFormat,
)
from knowledge.ingestion.readers.content import Content, content_of
from knowledge.ingestion.readers.kinds import KIND_OF, Kind, kind_named
from knowledge.ingestion.readers.limits import ReadLimits
from knowledge.ingestion.readers.source import Source
from knowledge.types import ParsedDocument

__all__ = ["DEFAULT_LIMITS", "SUPPORTED_EXTENSIONS", "ReadLimits", "media_type_of", "read_document"]

SUPPORTED_EXTENSIONS = frozenset(KIND_OF)
DEFAULT_LIMITS = ReadLimits()

_READERS = {
    Kind.PDF: "pdf:read_pdf",
    Kind.DOCX: "docx:read_docx",
    Kind.PPTX: "pptx:read_pptx",
    Kind.XLSX: "sheets:read_sheets",
    Kind.XLSB: "sheets:read_sheets",
    Kind.XLS: "sheets:read_sheets",
    Kind.ODS: "sheets:read_sheets",
    Kind.ODT: "odf:read_odf",
    Kind.ODP: "odf:read_odf",
    Kind.EPUB: "epub:read_epub",
    Kind.RTF: "rtf:read_rtf",
    Kind.EML: "eml:read_eml",
    Kind.MSG: "msg:read_msg",
    Kind.ZIP: "archive:read_archive",
    Kind.MARKDOWN: "markdown:read_markdown",
    Kind.HTML: "html:read_html",
    Kind.CSV: "csv_rows:read_csv",
    Kind.TSV: "csv_rows:read_csv",
    Kind.JSON: "data:read_json",
    Kind.YAML: "data:read_yaml",
    Kind.TOML: "data:read_toml",
    Kind.XML: "xml:read_xml",
    Kind.CODE: "code:read_code",
    Kind.TEXT: "text:read_text",
    Kind.PNG: "image:read_image",
    Kind.JPEG: "image:read_image",
    Kind.TIFF: "image:read_image",
}
_TEXTS = frozenset(
    [
        *(Kind.MARKDOWN, Kind.HTML, Kind.TEXT, Kind.CSV, Kind.TSV, Kind.JSON, Kind.YAML, Kind.TOML),
        *(Kind.XML, Kind.CODE, Kind.EML),
    ]
)
_PACKAGES = frozenset([Kind.DOCX, Kind.PPTX, Kind.XLSX, Kind.XLSB, Kind.ODT, Kind.ODP, Kind.ODS, Kind.EPUB, Kind.ZIP])
_OLE_FILES = frozenset([Kind.XLS, Kind.MSG])
_MARKUP = _TEXTS - {Kind.EML} | {Kind.RTF}  # parsed as a whole
_OF_CONTENT = {Content[kind.name]: kind for kind in Kind if kind.name in Content.__members__}  # where no name tells


def read_document(
    path: Path, *, file_name: str, limits: ReadLimits = DEFAULT_LIMITS, parts_folder: Path | None = None
) -> ParsedDocument:
    """The document's blocks in reading order. Raises a subclass of `IngestionError` for whatever is wrong with it.

    Attachments and the entries of an archive are written to `parts_folder`, and left alone where that is None.
    """
    size = path.stat().st_size
    if size == 0:
        raise EmptyDocument(detail="0 bytes")
    kind = _kind_of(path, file_name)
    if size > (limits.max_markup_bytes if kind in _MARKUP else limits.max_bytes):
        raise DocumentTooLarge(detail=f"{size} bytes")
    parsed = _read(kind, Source(path, file_name, limits, parts_folder))
    characters = sum(len(block.text) for block in parsed.blocks)
    if kind is not Kind.ZIP and not parsed.parts and not any(block.text.strip() for block in parsed.blocks):
        raise EmptyDocument(detail=f"no text in {kind}")
    if characters > limits.max_characters:
        raise DocumentTooLarge(detail=f"{characters} characters")
    return parsed


def media_type_of(file_name: str) -> str:
    """The media type a name promises. Raises `UnsupportedFormat` for names we don't read."""
    return kind_named(file_name).value


def _read(kind: Kind, source: Source) -> ParsedDocument:
    module, _, name = _READERS[kind].partition(":")
    reader: Callable[[Source], ParsedDocument] = getattr(import_module(f"knowledge.ingestion.readers.{module}"), name)
    try:
        return reader(source)
    except (MemoryError, RecursionError) as error:
        raise DocumentTooComplex(detail=type(error).__name__) from error


def _kind_of(path: Path, file_name: str) -> Kind:
    """The kind its name promises, if the content can be that."""
    content = content_of(path)
    if not Path(file_name).suffix:
        return _kind_without_name(content)
    kind = kind_named(file_name)
    is_text = kind in _TEXTS and content in (Content.HTML, Content.XML, Content.TEXT)
    if is_text or _OF_CONTENT.get(content) is kind or (kind is Kind.ZIP and _OF_CONTENT.get(content) in _PACKAGES):
        return kind
    detail = f"{content} named {file_name}"
    if content is Content.ENCRYPTED_OFFICE and (kind in _PACKAGES or kind is Kind.XLS):
        raise EncryptedDocument(detail=detail)
    if content is Content.BINARY and kind not in _TEXTS:
        raise DamagedDocument(detail=detail)
    if (content is Content.BROKEN_ZIP and kind in _PACKAGES) or (content is Content.OLD_OFFICE and kind in _OLE_FILES):
        raise DamagedDocument(detail=detail)
    raise MislabelledDocument(detail=detail)


def _kind_without_name(content: Content) -> Kind:
    if content not in _OF_CONTENT:
        raise UnsupportedFormat(detail=content)
    return _OF_CONTENT[content]
