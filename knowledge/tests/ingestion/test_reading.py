"""What a file is, and what is said about one that can't be taken."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from knowledge.errors import IngestionError
from knowledge.ingestion.reading import SUPPORTED_EXTENSIONS, ReadLimits, media_type_of, read_document
from knowledge.tests.ingestion import samples
from knowledge.types import BlockKind, ParsedDocument


def read(path: Path, name: str = "", limits: ReadLimits | None = None) -> ParsedDocument:
    return read_document(path, file_name=name or path.name, limits=limits or ReadLimits())


def refusal(path: Path, name: str = "", limits: ReadLimits | None = None) -> str:
    with pytest.raises(IngestionError) as caught:
        read(path, name, limits)
    return caught.value.code


def written(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def zipped(**parts: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in parts.items():
            package.writestr(name, content)
    return buffer.getvalue()


PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj"
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(100)
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.txt", b"", "empty_document"),
        ("a.txt", b" \n\t\r\n ", "empty_document"),
        ("a.md", b"---\ntitle: Only front matter\n---\n", "empty_document"),
        ("a.html", b"<html><head><title>t</title></head><body><nav>Menu</nav></body></html>", "empty_document"),
        ("a.html", b"<!-- nothing -->", "empty_document"),
        ("a.exe", b"MZ" + bytes(200), "unsupported_format"),
        ("a.pptx", zipped(**{"ppt/presentation.xml": b"<x/>"}), "damaged_document"),
        ("noname", b"MZ" + bytes(200), "unsupported_format"),
        ("a.pdf", b"<html><body>Please sign in</body></html>", "mislabelled_document"),
        ("a.pdf", zipped(**{"word/document.xml": b"<x/>"}), "mislabelled_document"),
        ("a.txt", PDF, "mislabelled_document"),
        ("a.md", PNG, "mislabelled_document"),
        ("a.docx", PDF, "mislabelled_document"),
        ("a.docx", b"just text", "mislabelled_document"),
        ("a.docx", zipped(**{"xl/workbook.xml": b"<x/>"}), "mislabelled_document"),
        ("a.docx", OLE, "mislabelled_document"),
        ("a.docx", OLE + "EncryptedPackage".encode("utf-16-le"), "encrypted_document"),
        ("a.docx", zipped(**{"word/document.xml": b"<x/>"})[:-40], "damaged_document"),
        ("a.docx", zipped(**{"word/document.xml": b"<x/>"}), "damaged_document"),
        ("a.pdf", PDF + bytes(500), "damaged_document"),
        ("a.pdf", bytes(500), "damaged_document"),
    ],
    ids=lambda value: value if isinstance(value, str) else len(value),  # file contents hold the time of day
)
def test_says_what_is_wrong(tmp_path: Path, name: str, content: bytes, code: str) -> None:
    assert refusal(written(tmp_path, name, content)) == code


def test_pdf_of_pictures_is_scanned(tmp_path: Path) -> None:
    assert refusal(samples.pdf_of_picture(tmp_path / "scan.pdf")) == "scanned_document"


def test_pdf_with_password(tmp_path: Path) -> None:
    assert refusal(samples.pdf_of_pages(tmp_path / "a.pdf", [["Secret"]], password="x")) == "encrypted_document"


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_pdf_cut_short(tmp_path: Path, share: float) -> None:
    whole = samples.pdf_of_pages(tmp_path / "a.pdf", [[f"Page {number}"] for number in range(1, 6)]).read_bytes()
    assert refusal(written(tmp_path, "b.pdf", whole[: int(len(whole) * share)])) == "damaged_document"


def test_docx_cut_short(tmp_path: Path) -> None:
    whole = samples.docx_of(tmp_path / "a.docx", lambda document: document.add_paragraph("Text")).read_bytes()
    assert refusal(written(tmp_path, "b.docx", whole[: len(whole) // 2])) == "damaged_document"


def test_docx_with_a_broken_part(tmp_path: Path) -> None:
    path = samples.docx_of(tmp_path / "a.docx", lambda document: document.add_paragraph("Text"))
    assert refusal(samples.with_parts(path, {"word/document.xml": b"<w:document><unclosed>"})) == "damaged_document"


def test_docx_with_a_damaged_byte(tmp_path: Path) -> None:
    path = samples.docx_of(tmp_path / "a.docx", lambda document: document.add_paragraph("Text " * 500))
    data = bytearray(path.read_bytes())
    offset = data.find(b"word/document.xml") + 60
    data[offset : offset + 20] = bytes(20)
    assert refusal(written(tmp_path, "b.docx", bytes(data))) == "damaged_document"


def test_docx_without_text(tmp_path: Path) -> None:
    assert (
        refusal(samples.docx_of(tmp_path / "a.docx", lambda document: document.add_paragraph("  "))) == "empty_document"
    )


def test_zip_bomb_is_refused_before_it_is_parsed(tmp_path: Path) -> None:
    path = samples.docx_of(tmp_path / "a.docx", lambda document: document.add_paragraph("Text"))
    bomb = samples.with_parts(path, {"word/media/image.png": bytes(30_000_000)})
    assert bomb.stat().st_size < 100_000
    assert refusal(bomb, limits=ReadLimits(max_unpacked_bytes=20_000_000)) == "document_too_large"


def test_zip_that_lies_about_its_size(tmp_path: Path) -> None:
    path = samples.docx_of(tmp_path / "a.docx", lambda document: document.add_paragraph("Text"))
    samples.with_parts(path, {"word/media/image.png": bytes(30_000_000)})
    lying = path.read_bytes().replace((30_000_000).to_bytes(4, "little"), (1_000).to_bytes(4, "little"))
    assert refusal(written(tmp_path, "b.docx", lying)) == "damaged_document"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_entity_bomb(tmp_path: Path, encoding: str) -> None:
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10 if n else "lol"}">' for n in range(12))
    xml = f'<?xml version="1.0" encoding="{encoding}"?><!DOCTYPE d [{entities}]><d>&e11;</d>'
    path = samples.docx_of(tmp_path / "a.docx", lambda document: document.add_paragraph("Text"))
    assert refusal(samples.with_parts(path, {"word/document.xml": xml.encode(encoding)})) == "damaged_document"


def test_external_entity_in_html_is_text(tmp_path: Path) -> None:
    secret = written(tmp_path, "secret", b"hunter2")
    page = f'<!DOCTYPE html [<!ENTITY x SYSTEM "file://{secret}">]><html><body><p>See &x; there</p></body></html>'
    parsed = read(written(tmp_path, "a.html", page.encode()))
    assert "hunter2" not in " ".join(block.text for block in parsed.blocks)


def test_limits(tmp_path: Path) -> None:
    pages = samples.pdf_of_pages(tmp_path / "a.pdf", [[f"Page {number}"] for number in range(1, 6)])
    text = written(tmp_path, "a.txt", b"word " * 1000)
    assert refusal(pages, limits=ReadLimits(max_pages=4)) == "document_too_large"
    assert refusal(pages, limits=ReadLimits(max_characters=10)) == "document_too_large"
    assert refusal(pages, limits=ReadLimits(max_seconds=-1)) == "document_too_complex"
    assert refusal(text, limits=ReadLimits(max_characters=4000)) == "document_too_large"
    assert refusal(pages, limits=ReadLimits(max_bytes=400)) == "document_too_large"
    assert refusal(text, limits=ReadLimits(max_markup_bytes=4000)) == "document_too_large"


def test_content_decides_where_there_is_no_extension(tmp_path: Path) -> None:
    page = read(written(tmp_path, "page", b"<!doctype html><html><body><h1>Hello</h1></body></html>"))
    assert page.blocks[0].kind is BlockKind.HEADING
    assert read(samples.pdf_of_pages(tmp_path / "print", [["Hello"]])).page_count == 1


def test_text_about_pdf_is_text(tmp_path: Path) -> None:
    assert (
        read(written(tmp_path, "a.txt", b"A PDF file starts with %PDF-1.7 and so on."))
        .blocks[0]
        .text.startswith("A PDF")
    )


def test_names() -> None:
    assert media_type_of("Report.PDF") == "application/pdf"
    assert media_type_of("notes.md") == "text/markdown"
    assert {".pdf", ".docx", ".md", ".html", ".txt"} <= SUPPORTED_EXTENSIONS
    with pytest.raises(IngestionError, match="extension"):
        media_type_of("virus.exe")
