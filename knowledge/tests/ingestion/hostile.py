"""Files made to hurt a reader, or made by accident, each with the code it has to end with. Nothing is kept on disk."""

from __future__ import annotations

import io
import json
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator

import docx
import pptx
import xlsxwriter
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfgen.canvas import Canvas

from knowledge.ingestion.readers.limits import MEGABYTE, ReadLimits

Case = tuple[str, bytes, str | None]  # name, content, the code it fails with; None: it is read

EMPTY, DAMAGED, ENCRYPTED = "empty_document", "damaged_document", "encrypted_document"
MISLABELLED, UNSUPPORTED, SCANNED = "mislabelled_document", "unsupported_format", "scanned_document"
LARGE, COMPLEX = "document_too_large", "document_too_complex"

# What the bombs are made for: with limits ten times as high they would be ten times as large, and as slow to make.
LIMITS = ReadLimits(
    max_unpacked_bytes=20 * MEGABYTE,
    max_markup_bytes=8 * MEGABYTE,
    max_cells=500_000,
    max_seconds=20,
    max_memory_bytes=600 * MEGABYTE,
)
# These would go on for minutes or gigabytes: what ends them is the clock, or the cap on the memory of their process.
ENDLESS = frozenset(["million-paragraphs.docx", "forms-in-forms.pdf"])


def hostile_files() -> Iterator[Case]:
    """Every case, made when it is asked for; the largest takes some megabytes."""
    for cases in (_emptiness, _cut_short, _locked, _wrong_names, archives, _packages, _entities, _pdfs, _texts):
        yield from cases()


# -- made as they should be -----------------------------------------------------------------------


def pdf(lines: tuple[str, ...] = ("Hello",), *, password: str = "", pages: int = 1) -> bytes:
    buffer = io.BytesIO()
    canvas = Canvas(buffer, encrypt=StandardEncryption(password, "owner") if password else None)
    for _ in range(pages):
        for number, line in enumerate(lines):
            canvas.drawString(72, 750 - number * 14, line)
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def word() -> bytes:
    document, buffer = docx.Document(), io.BytesIO()
    document.add_paragraph("Hello")
    document.save(buffer)
    return buffer.getvalue()


def slides() -> bytes:
    presentation, buffer = pptx.Presentation(), io.BytesIO()
    presentation.slides.add_slide(presentation.slide_layouts[0]).shapes.title.text = "Hello"
    presentation.save(buffer)
    return buffer.getvalue()


def workbook(write: Callable[[xlsxwriter.worksheet.Worksheet], object] | None = None) -> bytes:
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer) as book:
        sheet = book.add_worksheet()
        for row in (("Name", "Age"), ("Ada", 36)) if write is None else ():
            sheet.write_row(0 if row[0] == "Name" else 1, 0, row)
        if write is not None:
            write(sheet)
    return buffer.getvalue()


def open_text(body: str = "<text:p>Hello</text:p>", doctype: str = "") -> bytes:
    spaces = " ".join(
        f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in ("office", "text", "table")
    )
    content = f"""{doctype}<office:document-content {spaces}><office:body><office:text>{body}</office:text>
    </office:body></office:document-content>"""
    return zipped({"mimetype": b"application/vnd.oasis.opendocument.text", "content.xml": content.encode()})


def zipped(entries: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def with_entries(package: bytes, entries: dict[str, bytes]) -> bytes:
    with zipfile.ZipFile(io.BytesIO(package)) as source:
        return zipped({name: source.read(name) for name in source.namelist()} | entries)


def raw_pdf(*objects: str, root: int = 1) -> bytes:
    """Objects numbered from 1, with a cross-reference table that fits."""
    data, offsets = bytearray(b"%PDF-1.7\n"), []
    for number, content in enumerate(objects, start=1):
        offsets.append(len(data))
        data += f"{number} 0 obj\n{content}\nendobj\n".encode("latin-1")
    start = len(data)
    data += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    data += b"".join(f"{offset:010d} 00000 n \n".encode() for offset in offsets)
    data += f"trailer\n<< /Size {len(objects) + 1} /Root {root} 0 R >>\nstartxref\n{start}\n%%EOF\n".encode()
    return bytes(data)


def _stream(content: str, more: str = "") -> str:
    return f"<< /Length {len(content)} {more} >>\nstream\n{content}\nendstream"


PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(100)
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)
LOGIN_PAGE = b"<!DOCTYPE html><html><body><form>Sign in to continue<input name=user></form></body></html>"
LOCKED_OFFICE = OLE + "EncryptedPackage".encode("utf-16-le") + bytes(600)


# -- by accident ----------------------------------------------------------------------------------


def _emptiness() -> Iterator[Case]:
    for suffix in ("txt", "pdf", "docx", "xlsx", "zip", "eml", "json"):
        yield f"zero-bytes.{suffix}", b"", EMPTY
    for suffix in ("txt", "md", "html", "csv", "py", "yaml"):
        yield f"white-space.{suffix}", b" \n\t\r\n \n", EMPTY
    yield "no-text.docx", _without_text(), EMPTY
    yield "no-rows.xlsx", workbook(lambda sheet: None), EMPTY
    yield "no-files.zip", zipped({}), EMPTY
    yield "only-litter.zip", zipped({"__MACOSX/._a.txt": b"x", ".DS_Store": b"x", "a/Thumbs.db": b"x"}), EMPTY
    yield "no-text.pdf", pdf(()), SCANNED
    yield "only-menus.html", b"<html><body><nav>Home</nav><script>x()</script></body></html>", EMPTY


def _without_text() -> bytes:
    document, buffer = docx.Document(), io.BytesIO()
    document.add_paragraph("   ")
    document.save(buffer)
    return buffer.getvalue()


def _cut_short() -> Iterator[Case]:
    whole = {"pdf": pdf(pages=5), "docx": word(), "pptx": slides(), "xlsx": workbook(), "odt": open_text()}
    whole["zip"] = zipped({"a.txt": b"Hello " * 100})
    for suffix, content in whole.items():
        for percent in (10, 50, 95):
            yield f"cut-at-{percent}.{suffix}", content[: len(content) * percent // 100], DAMAGED
    yield "cut.rtf", b"{\\rtf1\\ansi Hello {\\b wor", DAMAGED
    yield "cut.xml", b"<?xml version='1.0'?><a><b>Hello", DAMAGED
    yield "zeros.pdf", bytes(5000), DAMAGED
    yield "noise.docx", bytes(range(256)) * 20, DAMAGED


def _locked() -> Iterator[Case]:
    yield "password.pdf", pdf(password="secret"), ENCRYPTED
    for suffix in ("docx", "xlsx", "pptx", "xls"):
        yield f"password.{suffix}", LOCKED_OFFICE, ENCRYPTED
    yield "password.zip", _flagged(zipped({"a.txt": b"Hello"})), ENCRYPTED
    manifest = b'<m xmlns="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"><encryption-data/></m>'
    yield "password.odt", with_entries(open_text(), {"META-INF/manifest.xml": manifest}), ENCRYPTED
    letter = b"From: a@example.org\nContent-Type: application/pkcs7-mime; name=smime.p7m\n\nAAAA\n"
    yield "sealed.eml", letter, ENCRYPTED


def _flagged(archive: bytes) -> bytes:
    """The same archive, its entry marked as encrypted."""
    data = bytearray(archive)
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.find(mark) + place] |= 1
    return bytes(data)


def _wrong_names() -> Iterator[Case]:
    yield "picture.pdf", PNG, MISLABELLED
    yield "login-page.pdf", LOGIN_PAGE, MISLABELLED
    yield "login-page.docx", LOGIN_PAGE, MISLABELLED
    yield "program.txt", b"MZ" + bytes(400), MISLABELLED
    yield "program.exe", b"MZ" + bytes(400), UNSUPPORTED
    yield "word.xlsx", word(), MISLABELLED
    yield "sheet.docx", workbook(), MISLABELLED
    yield "sheet.csv", workbook(), MISLABELLED
    yield "old.docx", OLE, MISLABELLED
    yield "old.doc", OLE, UNSUPPORTED
    yield "pdf.txt", pdf(), MISLABELLED
    yield "text.png", b"Hello", MISLABELLED
    yield "archive.rar", b"Rar!\x1a\x07\x00" + bytes(100), UNSUPPORTED
    yield "no-mail.eml", b"Just words, and no header.", MISLABELLED
    yield "no-json.json", b"{not json at all", None
    yield "pdf\u202efdp.txt", b"Hello", None
    yield "  odd \u00e9\U0001f600 'name\".txt", b"Hello", None
    yield "dots...txt", b"Hello", None


# -- bombs ----------------------------------------------------------------------------------------


def archives() -> Iterator[Case]:
    yield "ratio.zip", zipped({"zeros.txt": bytes(20_000_000)}), LARGE
    yield "many-entries.zip", zipped({f"{number}.txt": b"x" for number in range(5000)}), LARGE
    yield "overlapping.zip", _overlapping(zipfile.ZIP_STORED), DAMAGED
    yield "overlapping-zeros.zip", _overlapping(zipfile.ZIP_DEFLATED), LARGE
    yield "lying.zip", _lying(), DAMAGED
    inner = zipped({"zeros.txt": bytes(20_000_000)})
    yield "nested.zip", zipped({"inner.zip": inner}), None  # the inner one becomes a document, and fails as one
    yield "slip.zip", zipped({"../../../etc/passwd": b"x", "/etc/shadow": b"x", "C:\\a\\..\\..\\b.txt": b"x"}), None
    yield "colon.zip", zipped({"a\nb\u202etxt.exe": b"x", "con.txt": b"x"}), None


def _overlapping(compression: int) -> bytes:
    """Many names for the same bytes: the directory says the entry two hundred times."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        archive.writestr("kernel.txt", bytes(40_000 if compression == zipfile.ZIP_STORED else 2_000_000))
    data = buffer.getvalue()
    start, end = data.find(b"PK\x01\x02"), data.find(b"PK\x05\x06")
    entries = b"".join(data[start:end].replace(b"kernel", f"{number:06d}".encode()) for number in range(200))
    tail = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 200, 200, len(entries), start, 0)
    return data[:start] + entries + tail


def _lying() -> bytes:
    size = 10_000_000
    return zipped({"a.txt": bytes(size)}).replace(size.to_bytes(4, "little"), (1000).to_bytes(4, "little"))


def _packages() -> Iterator[Case]:
    huge = bytes(25_000_000)
    yield "picture-bomb.docx", with_entries(word(), {"word/media/a.png": huge}), LARGE
    yield "markup-bomb.docx", with_entries(word(), {"word/a.xml": huge[:9_000_000]}), LARGE
    yield "picture-bomb.pptx", with_entries(slides(), {"ppt/media/a.png": huge}), LARGE
    yield "far-cell.xlsx", _with_sheet('<row r="1"><c r="A1"/></row><row r="1048576"><c r="XFD1048576"/></row>'), LARGE
    yield "many-rows.xlsx", _with_sheet("".join(_rows(90_000))), LARGE
    yield "million-paragraphs.docx", paragraphs(1_000_000), COMPLEX
    yield "deep.docx", _with_body("<w:sdt><w:sdtContent>" * 3000 + "</w:sdtContent></w:sdt>" * 3000), DAMAGED
    cells = '<table:table-cell table:number-columns-repeated="2000000000"><text:p>x</text:p></table:table-cell>'
    table = f"<table:table><table:table-row>{cells}</table:table-row></table:table>"
    yield "repeated-cells.odt", open_text(table), None


def _with_sheet(rows: str) -> bytes:
    name = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    sheet = f'<worksheet xmlns="{name}"><sheetData>{rows}</sheetData></worksheet>'
    return with_entries(workbook(), {"xl/worksheets/sheet1.xml": sheet.encode()})


def _rows(count: int) -> Iterator[str]:
    yield '<row><c r="A1"/></row>'
    for number in range(1, count + 1):
        yield f'<row r="{number}"><c r="F{number}"><v>1</v></c></row>'


def paragraphs(count: int) -> bytes:
    return _with_body("<w:p><w:r><w:t>x</w:t></w:r></w:p>" * count)


def _with_body(body: str) -> bytes:
    name = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    content = f'<w:document xmlns:w="{name}"><w:body>{body}</w:body></w:document>'
    return with_entries(word(), {"word/document.xml": content.encode()})


def _entities() -> Iterator[Case]:
    lines = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10 if n else "lol"}">' for n in range(12))
    bomb = f'<?xml version="1.0"?><!DOCTYPE d [{lines}]><d>&e11;</d>'.encode()
    outside = b'<?xml version="1.0"?><!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]><d>&x;</d>'
    for name, xml in (("bomb", bomb), ("outside", outside)):
        yield f"entity-{name}.xml", xml, DAMAGED
        yield f"entity-{name}.svg", xml, DAMAGED
        yield f"entity-{name}.docx", with_entries(word(), {"word/document.xml": xml}), DAMAGED
        yield f"entity-{name}.pptx", with_entries(slides(), {"ppt/slides/slide1.xml": xml}), DAMAGED
        yield f"entity-{name}.xlsx", with_entries(workbook(), {"xl/worksheets/sheet1.xml": xml}), DAMAGED
        yield f"entity-{name}.odt", with_entries(open_text(), {"content.xml": xml}), DAMAGED
    wide = bomb.decode().encode("utf-16")
    yield "entity-wide.docx", with_entries(word(), {"word/document.xml": wide}), DAMAGED


# -- PDF ------------------------------------------------------------------------------------------

_CATALOG, _FONT = "<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"


def _page(more: str = "", *, box: str = "0 0 600 800") -> str:
    return f"<< /Type /Page /Parent 2 0 R /MediaBox [{box}] /Contents 4 0 R /Resources << {more} >> >>"


def _pdfs() -> Iterator[Case]:
    one, words = "<< /Type /Pages /Kids [3 0 R] /Count 1 >>", _stream("BT /F 12 Tf 50 700 Td (Hello) Tj ET")
    fonts = "/Font << /F 5 0 R >>"
    many = f"<< /Type /Pages /Kids [{'3 0 R ' * 3000}] /Count 3000 >>"
    yield "many-pages.pdf", raw_pdf(_CATALOG, many, _page(fonts), words, _FONT), LARGE
    claimed = "<< /Type /Pages /Kids [3 0 R] /Count 2000000000 >>"
    yield "claimed-pages.pdf", raw_pdf(_CATALOG, claimed, _page(fonts), words, _FONT), None
    yield "no-pages.pdf", raw_pdf(_CATALOG, "<< /Type /Pages /Kids [] /Count 0 >>"), DAMAGED
    yield "pages-of-itself.pdf", raw_pdf(_CATALOG, "<< /Type /Pages /Kids [2 0 R] /Count 1 >>"), DAMAGED
    giant = _page(fonts, box="0 0 1000000000 1000000000")
    yield "giant-page.pdf", raw_pdf(_CATALOG, one, giant, words, _FONT), None
    yield "giant-scan.pdf", raw_pdf(_CATALOG, one, giant, _stream("0 0 100 100 re f")), SCANNED
    own = _stream("/X Do", "/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /X 5 0 R >> >>")
    form = _page("/XObject << /X 5 0 R >>")
    yield "form-in-itself.pdf", raw_pdf(_CATALOG, one, form, _stream("/X Do"), own), SCANNED
    yield "forms-in-forms.pdf", raw_pdf(_CATALOG, one, form, _stream("/X Do"), *_forms(9, 10)), COMPLEX
    yield "deep-arrays.pdf", raw_pdf(_CATALOG, one, _page(fonts), words, _FONT, "[" * 100_000), None
    yield "deep-states.pdf", raw_pdf(_CATALOG, one, _page(fonts), _stream("q " * 200_000), _FONT), SCANNED
    yield "stream-bomb.pdf", _deflated_page(b"q Q " * 2_500_000), SCANNED
    yield "no-end.pdf", pdf().replace(b"%%EOF", b""), DAMAGED


def _forms(depth: int, times: int) -> Iterator[str]:
    for level in range(5, 5 + depth):
        name = f"/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /X {level + 1} 0 R >> >>"
        yield _stream("/X Do " * times, name)
    text = "BT /F 12 Tf (Hello) Tj ET"
    yield _stream(text, "/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << >>")


def _deflated_page(content: bytes) -> bytes:
    packed = zlib.compress(content, 9).decode("latin-1")
    one = "<< /Type /Pages /Kids [3 0 R] /Count 1 >>"
    return raw_pdf(_CATALOG, one, _page(), _stream(packed, "/Filter /FlateDecode"))


# -- text -----------------------------------------------------------------------------------------


def _texts() -> Iterator[Case]:
    yield "one-field.csv", b'a,b\n1,"' + b"x" * 5_000_000, None
    yield "one-line.csv", b"a;" * 200_000, None
    yield "cells.csv", (b"," * 5000 + b"x\n") * 1200, LARGE
    yield "deep.html", b"<div>" * 100_000 + b"Hello", None
    yield "tables-in-tables.html", b"<table><tr><td>" * 5000 + b"Hello", None
    yield "deep.json", b"[" * 300_000 + b"1" + b"]" * 300_000, None
    yield "wide.json", json.dumps({"a": ["x" * 50] * 5000}).encode(), None
    yield "aliases.yaml", _aliases(), None
    yield "deep.md", b"> " * 20_000 + b"Hello\n\n" + b"- " * 20_000 + b"Hello\n\n" + b"[" * 50_000, None
    yield "stars.md", b"*a_ " * 15_000 + b"\n\n" + b"`" * 50_000 + b" x\n\n" + b"<a " * 20_000, None
    yield "bait.txt", b"a" * 100_000 + b"!" + b" " * 200_000 + b"x" + b"\n \t" * 50_000 + b"end", None
    yield "bait.html", b"<meta " * 50_000 + b"<!--" * 50_000 + b"<p>Hello", None
    yield "bait.rtf", b"{\\rtf1 " + b"{\\field{\\*\\fldinst{HYPERLINK " * 3000 + b" Hello}", EMPTY
    yield "bait.py", b"(" * 50_000 + b"\ndef f():\n    return 1\n", None
    yield "deep.rb", b"class A\n" * 5000, None
    yield "one-line.js", b"var a=1;" * 500_000, None
    yield "invalid.txt", b"Caf\xe9 \xff\xfe \x80\x81 and words " * 50, None
    yield "broken-utf8.txt", "Gr\u00fc\u00dfe ".encode() * 50 + b"\xc3\x28", None
    yield "nul.txt", b"Hello\x00 world, this is a line of text. " * 3 + b"And so on. " * 60, None
    yield "bidi.txt", "Access \u202e\u2066level\u2069 \u2066user\u2069 \u200b\u200f text".encode(), None
    yield "surrogates.json", b'{"a": "\\ud800 \\udfff"}', None
    yield "parts.eml", _nested_letter(20_000), LARGE
    yield "deep.eml", _nested_letter(300), None
    yield "headers.eml", b"From: =?x?q?" + b"=" * 100_000 + b"?=\nTo: " + b"a@b.c, " * 20_000 + b"\n\nHello", None


def _aliases() -> bytes:
    lines = ["a0: &a0 [lol, lol]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 30))]
    return "\n".join(lines).encode()


def _nested_letter(depth: int) -> bytes:
    lines = ["From: a@example.org", "Subject: Hello"]
    for number in range(depth):
        lines += [f'Content-Type: multipart/mixed; boundary="b{number}"', "", f"--b{number}"]
    return "\n".join([*lines, "Content-Type: text/plain", "", "Hello"]).encode()
