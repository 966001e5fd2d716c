"""What the readers of office files, sheets, mail, archives, data and code find."""

from __future__ import annotations

import io
import shutil
import zipfile
from email.message import EmailMessage
from pathlib import Path

import pptx
import pypdfium2
import pytest
from PIL import Image, ImageDraw, ImageFont
from reportlab.pdfgen.canvas import Canvas

from knowledge.errors import UnsupportedFormat
from knowledge.ingestion.chunking import chunk_document
from knowledge.ingestion.readers.content import Content, content_of
from knowledge.ingestion.reading import media_type_of, read_document
from knowledge.tests.ingestion import hostile, samples
from knowledge.types import BlockKind, Box, ChunkDraft, ParsedDocument

needs_ocr = pytest.mark.skipif(not shutil.which("tesseract"), reason="Tesseract is not on this machine")


def read(folder: Path, name: str, content: str | bytes) -> ParsedDocument:
    path, parts = folder / "file", folder / "parts"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    parts.mkdir(exist_ok=True)
    return read_document(path, file_name=name, parts_folder=parts)


def chunked(parsed: ParsedDocument, most: int = 60) -> list[ChunkDraft]:
    count = lambda text: len(text.split()) + 2  # noqa: E731
    return chunk_document(parsed, title="File", count_tokens=count, target_tokens=most - 10, max_tokens=most)


# -- sheets ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_csv(tmp_path: Path, delimiter: str, encoding: str) -> None:
    rows = [["Name", "City"], ["Zoë", f"Köln{delimiter} Süd"], ["Bob", "Two\nlines"]]
    text = "\r\n".join(delimiter.join(f'"{cell}"' for cell in row) for row in rows)
    (block,) = read(tmp_path, "a.csv", text.encode(encoding)).blocks
    shown = delimiter.replace("|", "\\|").replace("\t", "")
    assert block.text == f"| Name | City |\n| --- | --- |\n| Zoë | Köln{shown} Süd |\n| Bob | Two lines |"
    assert block.place == "rows 2-3"


def test_each_chunk_of_a_sheet_has_the_header_and_names_its_rows(tmp_path: Path) -> None:
    text = "Name,Age\n" + "".join(f"person{n},{n}\n" for n in range(2, 102))
    found = chunked(read(tmp_path, "a.csv", text))
    assert len(found) > 5
    rows: list[int] = []
    for chunk in found:
        header, _, *lines = chunk.text.split("\n")
        numbers = [int(line.split("|")[2]) for line in lines]
        assert header == "| Name | Age |"
        assert chunk.place in (f"rows {numbers[0]}-{numbers[-1]}", f"row {numbers[0]}")
        assert numbers == list(range(numbers[0], numbers[-1] + 1))
        rows += numbers
    assert rows == list(range(2, 102))


def test_workbook(tmp_path: Path) -> None:
    def write(sheet: object) -> None:
        for row, cells in enumerate([["Budget 2026"], ["Item", "Cost"], ["Desk", 120.5], [], ["Lamp", 30]]):
            sheet.write_row(row + 2, 1, cells)  # type: ignore[attr-defined]

    blocks = read(tmp_path, "a.xlsx", hostile.workbook(write)).blocks
    assert [(block.text, block.place, block.name) for block in blocks] == [
        ("Budget 2026", "Sheet Sheet1, row 3", "Sheet1"),
        ("| Item | Cost |\n| --- | --- |\n| Desk | 120.5 |", "Sheet Sheet1, row 5", "Sheet1"),
        ("| Item | Cost |\n| --- | --- |\n| Lamp | 30 |", "Sheet Sheet1, row 7", "Sheet1"),
    ]
    (chunk,) = chunked(ParsedDocument(blocks))
    assert chunk.heading_path == ("Sheet1",)
    assert chunk.place == "Sheet Sheet1, rows 3-7"


# -- slides and OpenDocument ----------------------------------------------------------------------


def test_slides(tmp_path: Path) -> None:
    show, buffer = pptx.Presentation(), io.BytesIO()
    slide = show.slides.add_slide(show.slide_layouts[1])
    slide.shapes.title.text = "Plans"
    slide.placeholders[1].text = "Grow\nHire"
    slide.notes_slide.notes_text_frame.text = "Say why."
    other = show.slides.add_slide(show.slide_layouts[5])
    other.shapes.title.text = "Figures"
    table = other.shapes.add_table(2, 2, 0, 0, 100, 100).table
    for row, texts in enumerate([("Year", "Sales"), ("2026", "7")]):
        for column, text in enumerate(texts):
            table.cell(row, column).text = text
    show.save(buffer)
    parsed = read(tmp_path, "a.pptx", buffer.getvalue())
    assert [(block.kind, block.text, block.page) for block in parsed.blocks] == [
        (BlockKind.HEADING, "Plans", 1),
        (BlockKind.LIST, "- Grow\n- Hire", 1),
        (BlockKind.PARAGRAPH, "Notes: Say why.", 1),
        (BlockKind.HEADING, "Figures", 2),
        (BlockKind.TABLE, "| Year | Sales |\n| --- | --- |\n| 2026 | 7 |", 2),
    ]
    assert (parsed.title, parsed.page_count) == ("Plans", 2)


def test_open_document(tmp_path: Path) -> None:
    body = """<text:h text:outline-level="2">Leave</text:h><text:p>Ask <text:span>your</text:span> lead.</text:p>
    <text:list><text:list-item><text:p>one</text:p><text:list><text:list-item><text:p>deep</text:p></text:list-item>
    </text:list></text:list-item></text:list><table:table><table:table-row><table:table-cell><text:p>A</text:p>
    </table:table-cell><table:table-cell><text:p>B</text:p></table:table-cell></table:table-row></table:table>"""
    blocks = read(tmp_path, "a.odt", hostile.open_text(body)).blocks
    assert [(block.kind, block.text) for block in blocks] == [
        (BlockKind.HEADING, "Leave"),
        (BlockKind.PARAGRAPH, "Ask your lead."),
        (BlockKind.LIST, "- one\n  - deep"),
        (BlockKind.TABLE, "| A | B |\n| --- | --- |"),
    ]


# -- mail and archives ----------------------------------------------------------------------------


def test_mail(tmp_path: Path) -> None:
    message, inner = EmailMessage(), EmailMessage()
    message["From"], message["To"], message["Subject"] = "Ada <ada@example.org>", "bob@example.org", "Grüße"
    message.set_content("Hello Bob.\n\nSee the file.")
    message.add_alternative("<p>Hello <b>HTML</b></p>", subtype="html")
    message.add_attachment(b"a,b\n1,2\n", maintype="text", subtype="csv", filename="../figures.csv")
    inner["Subject"] = "Forwarded"
    inner.set_content("Inside")
    message.add_attachment(inner)
    parsed = read(tmp_path, "a.eml", bytes(message))
    assert [block.text for block in parsed.blocks] == [
        "Grüße",
        "From: Ada <ada@example.org>\nTo: bob@example.org",
        "Hello Bob.",
        "See the file.",
    ]
    assert [part.name for part in parsed.parts] == ["..-figures.csv", "Forwarded.eml"]
    assert parsed.parts[0].path.read_bytes() == b"a,b\n1,2\n"
    assert b"Inside" in parsed.parts[1].path.read_bytes()


def test_mail_of_html_only(tmp_path: Path) -> None:
    message = EmailMessage()
    message["Subject"] = "Hi"
    message.set_content("<p>Only <b>HTML</b></p>", subtype="html")
    assert [block.text for block in read(tmp_path, "a.eml", bytes(message)).blocks] == ["Hi", "Only HTML"]


def test_archive(tmp_path: Path) -> None:
    content = {"a/notes.txt": b"Hello", "b.zip": hostile.zipped({"c.txt": b"x"}), "__MACOSX/a": b"x", ".git/x": b"x"}
    parsed = read(tmp_path, "a.zip", hostile.zipped(content))
    assert [(part.name, part.path.name) for part in parsed.parts] == [("a/notes.txt", "00000"), ("b.zip", "00001")]
    assert parsed.parts[0].path.read_bytes() == b"Hello"
    path = tmp_path / "file"
    assert read_document(path, file_name="a.zip") == ParsedDocument(())


# -- code and data --------------------------------------------------------------------------------

CODE = '''"""Module."""

import os


@cache
def first(value):
    return value


class Big:
    """Doc."""

    def one(self):
        return "%s"

    def two(self):
        return 2
'''


def test_an_archive_that_begins_with_a_stored_pdf_is_an_archive(tmp_path: Path) -> None:
    path = tmp_path / "papers.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("report.pdf", b"%PDF-1.7 stored as it is")
    assert content_of(path) is Content.ZIP


def test_code_is_cut_at_its_functions(tmp_path: Path) -> None:
    source = CODE % ("x" * 900)
    parsed = read(tmp_path, "a.py", source)
    assert [(block.name, block.place) for block in parsed.blocks] == [
        ("", "lines 1-3"),
        ("first", "lines 6-8"),
        ("Big", "lines 11-12"),
        ("Big.one", "lines 14-15"),
        ("Big.two", "lines 17-18"),
    ]
    for block in parsed.blocks:
        start, _, end = block.place.removeprefix("lines ").partition("-")
        assert block.text == "\n".join(source.split("\n")[int(start) - 1 : int(end)])
    assert {block.language for block in parsed.blocks} == {"python"}


@pytest.mark.parametrize(
    ("name", "source", "names"),
    [
        ("a.go", "package a\n\nfunc (b *Box) Width() int { return 1 }\n", ["", "Box.Width"]),
        ("a.ts", "export const f = () => 1;\nexport function g() {}\n", ["f", "g"]),
        ("a.java", "class A {\n  int f() { return 1; }\n}\n", ["A"]),
        ("a.rs", "fn g() -> i32 { 1 }\nimpl A { fn f() {} }\n", ["g", "A"]),
        ("a.c", "static char *name(void)\n{\n return 0;\n}\n", ["name"]),
        ("a.sql", "SELECT 1;\n\nSELECT 2;", [""]),
    ],
)
def test_names_in_code(tmp_path: Path, name: str, source: str, names: list[str]) -> None:
    assert [block.name for block in read(tmp_path, name, source).blocks] == names


def test_long_code_names_the_lines_of_each_chunk(tmp_path: Path) -> None:
    source = "def f():\n" + "".join(f"    call({n}, {n}, {n})\n" for n in range(2, 60))
    found = chunked(read(tmp_path, "a.py", source))
    assert len(found) > 2
    for chunk in found:
        first, _, last = chunk.place.removeprefix("lines ").partition("-")
        lines = [line for line in chunk.text.split("\n") if not line.startswith("```")]
        assert lines == source.split("\n")[int(first) - 1 : int(last)]
        assert chunk.heading_path == ("f",)


def test_sections_grow(tmp_path: Path) -> None:
    found = chunked(read(tmp_path, "a.md", f"# A\n\n{'word ' * 200}\n\n# B\n\n{'word ' * 20}"))
    sections = [chunk.section for chunk in found]
    assert sections == sorted(sections)
    assert set(sections) == {0, 1}


@pytest.mark.parametrize(("name", "advice"), [("a.doc", ".docx"), ("a.ppt", ".pptx"), ("a.rar", "ZIP")])
def test_says_what_to_save_it_as(name: str, advice: str) -> None:
    with pytest.raises(UnsupportedFormat) as caught:
        media_type_of(name)
    assert advice in caught.value.text


# -- boxes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
@pytest.mark.parametrize("crop", [None, (40, 60, 500, 700)])
def test_boxes_lie_on_the_ink(tmp_path: Path, turn: int, crop: tuple[int, int, int, int] | None) -> None:
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=(600, 800), cropBox=crop)
    canvas.setPageRotation(turn)
    canvas.setFont("Helvetica", 20)
    canvas.translate(*{0: (100, 500), 90: (300, 200), 180: (450, 500), 270: (300, 600)}[turn])
    canvas.rotate(turn)
    canvas.drawString(0, 0, "HHHHH HHHHH")
    canvas.save()
    (block,) = read(tmp_path, "a.pdf", buffer.getvalue()).blocks
    (box,) = block.boxes
    page = pypdfium2.PdfDocument(buffer.getvalue())[0]
    ink = page.render(scale=1, grayscale=True).to_pil().point(lambda grey: 255 * (grey < 128)).getbbox()
    assert ink is not None
    assert abs(box.left - ink[0]) < 3
    assert abs(box.right - ink[2]) < 3
    assert box.top - 1 <= ink[1] < ink[3] <= box.bottom + 1
    assert box.bottom - box.top < 30


def test_chunks_have_few_boxes_within_their_page(tmp_path: Path) -> None:
    story = [samples.body("Words of a paragraph. " * 60), samples.table([[f"a{n}", f"b{n}"] for n in range(30)])]
    parsed = read_document(samples.pdf_of_story(tmp_path / "a.pdf", story * 3), file_name="a.pdf")
    found = chunked(parsed)
    for chunk in found:
        assert 1 <= len(chunk.boxes) <= 6
        assert {box.page for box in chunk.boxes} <= set(range(chunk.page or 0, (chunk.last_page or 0) + 1))
        assert all(0 <= box.left < box.right <= 612 and 0 <= box.top < box.bottom <= 842 for box in chunk.boxes)
    first, second = found[0].boxes[0], found[1].boxes[0]
    assert first.bottom <= second.top + 0.2  # parts of one paragraph do not share its whole box


# -- text recognition -----------------------------------------------------------------------------


def scan() -> bytes:
    picture, buffer = Image.new("L", (1654, 2339), 255), io.BytesIO()
    ImageDraw.Draw(picture).text((200, 300), "Annual leave is 25 days", fill=0, font=ImageFont.load_default(48))
    picture.save(buffer, "PDF", resolution=200)
    return buffer.getvalue()


@needs_ocr
def test_scanned_page(tmp_path: Path) -> None:
    (block,) = read(tmp_path, "a.pdf", scan()).blocks
    assert block.text == "Annual leave is 25 days"
    assert block.page == 1
    (box,) = block.boxes
    assert isinstance(box, Box)
    assert abs(box.left - 72) < 5
    assert 105 < box.top < box.bottom < 130
