"""What the readers find in Outlook's messages, rich text, books, OpenDocument, old workbooks and pictures."""

from __future__ import annotations

import io
import shutil
import struct
from collections.abc import Callable
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFont

from billing.models import UsageEvent
from knowledge.actions import document_reindex
from knowledge.errors import EncryptedDocument, IngestionError, ScannedDocument
from knowledge.ingestion.parser_pool import ParserPool
from knowledge.ingestion.readers.limits import ReadLimits
from knowledge.ingestion.reading import read_document
from knowledge.ingestion.sandbox import parse
from knowledge.models import Document
from knowledge.tests.ingestion import hostile, outlook, samples
from knowledge.tests.ingestion.outlook import Letter, compound_file, msg
from knowledge.types import BlockKind, ParsedDocument
from tenants.context import entered
from tenants.models import Organisation

needs_ocr = pytest.mark.skipif(not shutil.which("tesseract"), reason="Tesseract is not on this machine")


def read(folder: Path, name: str, content: bytes) -> ParsedDocument:
    path, parts = folder / "file", folder / f"parts of {name}"
    path.write_bytes(content)
    parts.mkdir()
    return read_document(path, file_name=name, parts_folder=parts)


def said(parsed: ParsedDocument) -> list[tuple[BlockKind, str]]:
    return [(block.kind, block.text) for block in parsed.blocks]


# -- Outlook's messages ---------------------------------------------------------------------------

FROM_ADA = {outlook.SENDER: "Ada", outlook.ADDRESS: "ada@example.org", outlook.SHOWN_TO: "Bob; Eve"}


def test_message(tmp_path: Path) -> None:
    texts = {**FROM_ADA, outlook.SUBJECT: "Grüße", outlook.BODY: "Hello Bob.\r\n\r\nSee the file."}
    letter = Letter(texts, attached=[("figures.csv", b"a,b\n1,2\n" * 1000), ("../up.txt", b"Up.")])
    parsed = read(tmp_path, "a.msg", msg(letter))
    assert parsed.title == "Grüße"
    assert said(parsed) == [
        (BlockKind.HEADING, "Grüße"),
        (BlockKind.PARAGRAPH, 'From: "Ada" <ada@example.org>\nTo: Bob; Eve'),
        (BlockKind.PARAGRAPH, "Hello Bob."),
        (BlockKind.PARAGRAPH, "See the file."),
    ]
    assert [(part.name, part.path.read_bytes()) for part in parsed.parts] == [
        ("figures.csv", b"a,b\n1,2\n" * 1000),
        ("..-up.txt", b"Up."),
    ]


def test_message_of_html_only(tmp_path: Path) -> None:
    letter = Letter({outlook.SUBJECT: "Hi"}, html="<p>Only <b>HTML</b>, für Bob</p>".encode())
    assert [text for _, text in said(read(tmp_path, "a.msg", msg(letter)))] == ["Hi", "Only HTML, für Bob"]


def test_messages_in_a_message_become_mails_with_what_they_hold(tmp_path: Path) -> None:
    innermost = Letter({outlook.SUBJECT: "Third", outlook.BODY: "Deep inside."})
    texts = {**FROM_ADA, outlook.SUBJECT: "Second: a/b", outlook.BODY: "Inside."}
    inner = Letter(texts, html=b"<p>Inside, as a page.</p>", attached=[("note.txt", b"A note."), ("", innermost)])
    content = msg(Letter({outlook.SUBJECT: "First", outlook.BODY: "Outside."}, attached=[("", inner)]))
    (second,) = read(tmp_path, "a.msg", content).parts
    assert second.name == "Second a-b.eml"
    mail = second.path.read_bytes()
    parsed = read(tmp_path, "second.eml", mail)
    assert [text for _, text in said(parsed)] == [
        "Second: a/b",
        "From: Ada <ada@example.org>\nTo: Bob, Eve",
        "Inside.",
    ]
    assert [part.name for part in parsed.parts] == ["note.txt", "Third.eml"]
    assert parsed.parts[0].path.read_bytes() == b"A note."
    assert [text for _, text in said(read(tmp_path, "third.eml", parsed.parts[1].path.read_bytes()))] == [
        "Third",
        "Deep inside.",
    ]
    (again,) = read(tmp_path, "b.msg", content).parts
    assert again.path.read_bytes() == mail  # or each upload of the same message would read its parts anew


def test_an_empty_attachment_is_a_part_all_the_same(tmp_path: Path) -> None:
    parsed = read(tmp_path, "a.msg", msg(Letter({outlook.BODY: "See."}, attached=[("empty.txt", b"")])))
    assert [(part.name, part.path.read_bytes()) for part in parsed.parts] == [("empty.txt", b"")]


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(changes=st.lists(st.tuples(st.integers(0, 20_000), st.integers(0, 255)), min_size=1, max_size=20))
@example(changes=[(25, 1)])  # of the size of a sector
def test_messages_with_some_bytes_changed(tmp_path: Path, changes: list[tuple[int, int]]) -> None:
    inner = Letter({outlook.SUBJECT: "Second", outlook.BODY: "Inside."}, attached=[("note.txt", b"A note.")])
    content = bytearray(
        msg(Letter({**FROM_ADA, outlook.BODY: "Hello"}, attached=[("a.txt", b"x" * 5000), ("", inner)]))
    )
    for index, byte in changes:
        content[8 + index % (len(content) - 8)] = byte
    shutil.rmtree(tmp_path, ignore_errors=True)
    tmp_path.mkdir()
    try:
        assert read(tmp_path, "a.msg", bytes(content)).blocks is not None
    except IngestionError as error:
        assert error.text.endswith(".")


# -- rich text and books --------------------------------------------------------------------------


def test_rich_text(tmp_path: Path) -> None:
    words = rb"{\rtf1\ansi{\fonttbl{\f0 Arial;}}\f0 Annual {\b leave} is 25\~days.\par Caf\'e9 \u8364?5\par"
    field = rb'{\field{\*\fldinst{HYPERLINK "https://example.org"}}{\fldrslt{the rules}}} apply.\par}'
    assert [text for _, text in said(read(tmp_path, "a.rtf", words + b" See " + field))][:2] == [
        "Annual leave is 25 days.",
        "Café €5",
    ]
    assert "the rules" in read(tmp_path, "b.rtf", words + b" See " + field).blocks[2].text


def book(**more: bytes) -> bytes:
    package = """<package xmlns="http://www.idpf.org/2007/opf"><metadata xmlns:dc="http://purl.org/dc/elements/1.1/">
    <dc:title>The Handbook</dc:title></metadata><manifest>
    <item id="n" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>
    <item id="two" href="text/second%20one.xhtml" media-type="application/xhtml+xml"/>
    <item id="one" href="text/first.xhtml" media-type="application/xhtml+xml"/>
    <item id="gone" href="gone.xhtml" media-type="application/xhtml+xml"/>
    </manifest><spine><itemref idref="n"/><itemref idref="one"/><itemref idref="two"/><itemref idref="gone"/>
    <itemref idref="one"/></spine></package>"""
    page = "<html xmlns='http://www.w3.org/1999/xhtml'><head><title>t</title></head><body>{}</body></html>"
    container = b"<c><rootfiles><rootfile full-path='OEBPS/book.opf'/></rootfiles></c>"
    return hostile.zipped(
        {
            "mimetype": b"application/epub+zip",
            "META-INF/container.xml": container,
            "OEBPS/book.opf": package.encode(),
            "OEBPS/nav.xhtml": page.format("<p>Contents</p>").encode(),
            "OEBPS/text/first.xhtml": page.format("<h1>Leave</h1><p>25 days a year.</p>").encode(),
            "OEBPS/text/second one.xhtml": page.format("<h1>Sickness</h1><p>Tell your lead.</p>").encode(),
        }
        | more
    )


def test_book_in_the_order_of_its_spine(tmp_path: Path) -> None:
    parsed = read(tmp_path, "a.epub", book())
    assert parsed.title == "The Handbook"
    assert said(parsed) == [
        (BlockKind.HEADING, "Leave"),
        (BlockKind.PARAGRAPH, "25 days a year."),
        (BlockKind.HEADING, "Sickness"),
        (BlockKind.PARAGRAPH, "Tell your lead."),
    ]


@pytest.mark.parametrize(("scrambled", "is_readable"), [("OEBPS/font.otf", True), ("OEBPS/text/first.xhtml", False)])
def test_locked_book(tmp_path: Path, scrambled: str, is_readable: bool) -> None:
    keys = f"<e><d><CipherReference URI='{scrambled}'/></d></e>".encode()
    content = book(**{"META-INF/encryption.xml": keys})
    if is_readable:
        assert read(tmp_path, "a.epub", content).blocks
        return
    with pytest.raises(EncryptedDocument):
        read(tmp_path, "a.epub", content)


# -- OpenDocument and old workbooks ---------------------------------------------------------------


def open_document(kind: str, body: str) -> bytes:
    names = ("office", "text", "table", "drawing", "presentation")
    spaces = " ".join(f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in names)
    content = f"<office:document-content {spaces}><office:body>{body}</office:body></office:document-content>"
    media_type = f"application/vnd.oasis.opendocument.{kind}".encode()
    manifest = b'<m:manifest xmlns:m="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>'
    entries = {"mimetype": media_type, "content.xml": content.encode(), "META-INF/manifest.xml": manifest}
    return hostile.zipped(entries)


def test_open_slides(tmp_path: Path) -> None:
    first = """<drawing:page><drawing:frame presentation:class="title"><drawing:text-box><text:p>Plans</text:p>
    </drawing:text-box></drawing:frame><drawing:frame><drawing:text-box><text:list><text:list-item><text:p>Grow</text:p>
    </text:list-item></text:list></drawing:text-box></drawing:frame><presentation:notes><drawing:frame>
    <drawing:text-box><text:p>Say why.</text:p></drawing:text-box></drawing:frame></presentation:notes>"""
    second = "<drawing:page><drawing:frame><drawing:text-box><text:p>Done</text:p></drawing:text-box></drawing:frame>"
    body = f"<office:presentation>{first}</drawing:page>{second}</drawing:page></office:presentation>"
    parsed = read(tmp_path, "a.odp", open_document("presentation", body))
    assert [(block.kind, block.text, block.page) for block in parsed.blocks] == [
        (BlockKind.HEADING, "Plans", 1),
        (BlockKind.LIST, "- Grow", 1),
        (BlockKind.PARAGRAPH, "Notes: Say why.", 1),
        (BlockKind.PARAGRAPH, "Done", 2),
    ]
    assert (parsed.title, parsed.page_count) == ("Plans", 2)


ROWS: list[tuple[str | float, ...]] = [("Item", "Cost"), ("Desk", 120.5), ("Lamp", 30)]
TABLE = ("| Item | Cost |\n| --- | --- |\n| Desk | 120.5 |\n| Lamp | 30 |", "Sheet Budget, rows 2-3", "Budget")


def test_open_sheets(tmp_path: Path) -> None:
    def cell(value: str | float) -> str:
        kind = "string" if isinstance(value, str) else f'float" office:value="{value}'
        return f'<table:table-cell office:value-type="{kind}"><text:p>{value}</text:p></table:table-cell>'

    rows = "".join(f"<table:table-row>{''.join(map(cell, row))}</table:table-row>" for row in ROWS)
    empty = '<table:table-row table:number-rows-repeated="1000000"><table:table-cell/></table:table-row>'
    body = f'<office:spreadsheet><table:table table:name="Budget">{rows}{empty}</table:table></office:spreadsheet>'
    (block,) = read(tmp_path, "a.ods", open_document("spreadsheet", body)).blocks
    assert (block.text, block.place, block.name) == TABLE


def old_workbook() -> bytes:
    """Excel 97: records of a kind and a length, in a compound file."""

    def record(kind: int, data: bytes) -> bytes:
        return struct.pack("<HH", kind, len(data)) + data

    def start(kind: int) -> bytes:
        return record(0x0809, struct.pack("<HHHHII", 0x0600, kind, 0, 1997, 0, 6))

    end = record(0x000A, b"")
    cells = b""
    for row, values in enumerate(ROWS):
        for column, value in enumerate(values):
            place = struct.pack("<HHH", row, column, 0)
            if isinstance(value, str):
                cells += record(0x0204, place + struct.pack("<HB", len(value), 0) + value.encode("latin-1"))
            else:
                cells += record(0x0203, place + struct.pack("<d", value))
    name = b"Budget"
    before = start(5) + record(0x0042, struct.pack("<H", 1200))
    sheet = len(before) + 4 + 8 + len(name) + len(end)
    before += record(0x0085, struct.pack("<IBBBB", sheet, 0, 0, len(name), 0) + name) + end
    return compound_file({"Workbook": before + start(16) + cells + end})


def test_old_workbook(tmp_path: Path) -> None:
    (block,) = read(tmp_path, "a.xls", old_workbook()).blocks
    assert (block.text, block.place, block.name) == TABLE


# -- pictures -------------------------------------------------------------------------------------


def picture(kind: str, words: str = "Annual leave is 25 days", pages: int = 1) -> bytes:
    buffer = io.BytesIO()
    page = Image.new("L", (900, 300), 255)
    ImageDraw.Draw(page).text((60, 100), words, fill=0, font=ImageFont.load_default(48))
    more = {"save_all": True, "append_images": [page] * (pages - 1)} if pages > 1 else {}
    page.save(buffer, kind, **more)
    return buffer.getvalue()


@needs_ocr
@pytest.mark.parametrize(("name", "kind"), [("a.png", "PNG"), ("a.jpg", "JPEG"), ("a.tiff", "TIFF")])
def test_picture(tmp_path: Path, name: str, kind: str) -> None:
    parsed = read(tmp_path, name, picture(kind))
    assert said(parsed) == [(BlockKind.PARAGRAPH, "Annual leave is 25 days")]
    (box,) = parsed.blocks[0].boxes
    assert 50 < box.left < 75
    assert 95 < box.top < box.bottom < 165


@needs_ocr
def test_picture_of_many_pages(tmp_path: Path) -> None:
    parsed = read(tmp_path, "a.tif", picture("TIFF", pages=2))
    assert [block.page for block in parsed.blocks] == [1, 2]
    assert (parsed.page_count, parsed.recognised_pages) == (2, 2)


@needs_ocr
def test_recognised_pages_are_in_the_ledger_for_each_version(
    live_acme: Organisation, upload: Callable[..., Document]
) -> None:
    content = picture("TIFF", pages=2)
    document = upload(live_acme, content, "scan.tif")
    row = UsageEvent.objects.get(kind="ocr")
    assert (row.organisation_id, row.quantity, row.subject) == (live_acme.pk, 2, document.pk)
    assert row.cost_gbp == Decimal(0)
    assert row.price_id is not None
    with entered(live_acme.schema_name):
        document_reindex(schema_name=live_acme.schema_name, document=document)  # another version, recognised anew
    assert UsageEvent.objects.filter(kind="ocr").count() == 2


@needs_ocr
def test_picture_without_text(tmp_path: Path) -> None:
    with pytest.raises(ScannedDocument, match="no word recognised") as caught:
        read(tmp_path, "a.png", picture("PNG", words=""))
    assert "sharper" in caught.value.text


@pytest.mark.parametrize(("name", "says"), [("a.png", "Tesseract"), ("a.pdf", "Run text recognition (OCR) on it")])
def test_without_text_recognition(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, says: str) -> None:
    """In a process that finds no such program, whether or not this machine has it."""
    samples.pdf_of_picture(tmp_path / "a.pdf")
    (tmp_path / "a.png").write_bytes(picture("PNG"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with closing(ParserPool()) as pool, pytest.raises(ScannedDocument) as caught:
        parse(
            tmp_path / name,
            file_name=name,
            limits=ReadLimits(),
            output=tmp_path / "out",
            parts_folder=None,
            check=lambda: None,
            pool=pool,
        )
    assert says in caught.value.text
