"""The kinds of file that are read, the names they have, and what to save other kinds as."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from knowledge.errors import UnsupportedFormat

_OFFICE = "application/vnd.openxmlformats-officedocument"
_OPEN = "application/vnd.oasis.opendocument"


class Kind(StrEnum):
    """A kind's value is its media type."""

    PDF = "application/pdf"
    DOCX = f"{_OFFICE}.wordprocessingml.document"
    PPTX = f"{_OFFICE}.presentationml.presentation"
    XLSX = f"{_OFFICE}.spreadsheetml.sheet"
    XLSB = "application/vnd.ms-excel.sheet.binary.macroenabled.12"
    XLS = "application/vnd.ms-excel"
    ODT = f"{_OPEN}.text"
    ODP = f"{_OPEN}.presentation"
    ODS = f"{_OPEN}.spreadsheet"
    EPUB = "application/epub+zip"
    RTF = "application/rtf"
    EML = "message/rfc822"
    MSG = "application/vnd.ms-outlook"
    ZIP = "application/zip"
    MARKDOWN = "text/markdown"
    HTML = "text/html"
    CSV = "text/csv"
    TSV = "text/tab-separated-values"
    JSON = "application/json"
    YAML = "application/yaml"
    TOML = "application/toml"
    XML = "application/xml"
    CODE = "text/x-source"
    TEXT = "text/plain"
    PNG = "image/png"
    JPEG = "image/jpeg"
    TIFF = "image/tiff"


# Code has no kind of its own for each language: the reader goes by the extension.
CODE_LANGUAGES = {
    "bash": ".sh .bash .zsh",
    "c": ".c .h",
    "cpp": ".cc .cpp .cxx .hpp .hh .hxx",
    "csharp": ".cs",
    "css": ".css .scss .less",
    "dart": ".dart",
    "elixir": ".ex .exs",
    "go": ".go",
    "groovy": ".groovy .gradle",
    "haskell": ".hs",
    "hcl": ".tf .hcl",
    "java": ".java",
    "javascript": ".js .jsx .mjs .cjs",
    "julia": ".jl",
    "kotlin": ".kt .kts",
    "lua": ".lua",
    "perl": ".pl .pm",
    "php": ".php",
    "powershell": ".ps1 .psm1",
    "protobuf": ".proto",
    "python": ".py .pyi",
    "r": ".r",
    "ruby": ".rb",
    "rust": ".rs",
    "scala": ".scala .sc",
    "sql": ".sql",
    "swift": ".swift",
    "tsx": ".tsx",
    "typescript": ".ts .mts .cts",
    "vb": ".vb .bas .vbs",
    "vue": ".vue .svelte",
}
LANGUAGE_OF = {suffix: language for language, suffixes in CODE_LANGUAGES.items() for suffix in suffixes.split()}

_SUFFIXES = {
    Kind.PDF: ".pdf",
    Kind.DOCX: ".docx",
    Kind.PPTX: ".pptx",
    Kind.XLSX: ".xlsx .xlsm",
    Kind.XLSB: ".xlsb",
    Kind.XLS: ".xls",
    Kind.ODT: ".odt",
    Kind.ODP: ".odp",
    Kind.ODS: ".ods",
    Kind.EPUB: ".epub",
    Kind.RTF: ".rtf",
    Kind.EML: ".eml",
    Kind.MSG: ".msg",
    Kind.ZIP: ".zip",
    Kind.MARKDOWN: ".md .markdown",
    Kind.HTML: ".html .htm .xhtml",
    Kind.CSV: ".csv",
    Kind.TSV: ".tsv .tab",
    Kind.JSON: ".json .jsonl .ndjson .ipynb .geojson",
    Kind.YAML: ".yaml .yml",
    Kind.TOML: ".toml .ini .cfg .conf .properties",
    Kind.XML: ".xml .svg .rss .atom .xsd .xsl",
    Kind.TEXT: ".txt .text .log .rst .org .adoc .tex .srt .vtt",
    Kind.PNG: ".png",
    Kind.JPEG: ".jpg .jpeg",
    Kind.TIFF: ".tif .tiff",
}
KIND_OF = {suffix: kind for kind, suffixes in _SUFFIXES.items() for suffix in suffixes.split()}
KIND_OF |= dict.fromkeys(LANGUAGE_OF, Kind.CODE)

_SAVE_AS = {
    "a Word document (.docx)": ".doc .dot .docm .dotx .dotm .wpd .wps .pages .fodt",
    "a PowerPoint presentation (.pptx)": ".ppt .pps .pot .pptm .ppsx .potx .key .fodp",
    "an Excel workbook (.xlsx)": ".xlt .xltx .numbers .fods .dbf .wk1",
    "PDF": ".ps .eps .djvu .xps .oxps .vsd .vsdx .pub .odg .mobi .azw .azw3 .one .dwg .ai .indd",
    "a ZIP file": ".rar .7z .tar .gz .tgz .bz2 .xz .zst",
    "PNG or JPEG": ".gif .bmp .webp .heic .avif",
    "single messages (.eml)": ".pst .ost .mbox",
    "CSV": ".parquet .sqlite .db .mdb .accdb .feather .sav",
}
_ADVICE = {suffix: advice for advice, suffixes in _SAVE_AS.items() for suffix in suffixes.split()}


def kind_named(file_name: str) -> Kind:
    """The kind a name promises. Raises `UnsupportedFormat`, with what to save it as where we know."""
    suffix = Path(file_name).suffix.lower()
    if suffix in KIND_OF:
        return KIND_OF[suffix]
    if suffix in _ADVICE:
        sentence = f"Files of the kind {suffix} are not supported. Save it as {_ADVICE[suffix]}, then upload that."
        raise UnsupportedFormat(sentence, detail=f"extension {suffix!r}")
    raise UnsupportedFormat(detail=f"extension {suffix!r}")
