"""What each reader finds in a document."""

from __future__ import annotations

import resource
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import docx
import pytest
from docx.oxml import OxmlElement

from knowledge.ingestion.reading import ReadLimits, read_document
from knowledge.tests.ingestion import samples
from knowledge.types import Block, BlockKind, Box, ParsedDocument

HEADING, PARAGRAPH, LIST = BlockKind.HEADING, BlockKind.PARAGRAPH, BlockKind.LIST
TABLE, CODE = BlockKind.TABLE, BlockKind.CODE


def read(path: Path) -> ParsedDocument:
    return read_document(path, file_name=path.name, limits=ReadLimits())


def read_text(folder: Path, name: str, content: str | bytes) -> ParsedDocument:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read(path)


def shape(parsed: ParsedDocument) -> list[tuple[BlockKind, str]]:
    return [(block.kind, block.text) for block in parsed.blocks]


# -- text -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("utf-8", "Grüße aus Köln – 東京"),
        ("utf-8-sig", "Grüße aus Köln"),
        ("utf-16", "Grüße aus Köln"),
        ("utf-16-le", "Plain words without a mark at the start of the file"),
        ("utf-32", "Grüße aus Köln"),
        ("cp1252", "Grüße aus Köln – “quoted” €5"),
        ("cp1251", "Привет, это обычный русский текст о погоде и природе, который нужно прочитать правильно."),
        ("shift_jis", "これは日本語の文章です。天気がとても良いので散歩に行きましょう。東京は大きな都市です。"),
    ],
)
def test_text_in_any_encoding(tmp_path: Path, encoding: str, text: str) -> None:
    assert shape(read_text(tmp_path, "a.txt", text.encode(encoding))) == [(PARAGRAPH, text)]


def test_text_paragraphs_and_lists(tmp_path: Path) -> None:
    parsed = read_text(tmp_path, "a.txt", "First line\r\nsecond line\r\n\r\n\r\n- one\r\n- two\r\n\fNext\x00 page")
    assert shape(parsed) == [(PARAGRAPH, "First line\nsecond line"), (LIST, "- one\n- two"), (PARAGRAPH, "Next page")]


# -- Markdown -------------------------------------------------------------------------------------


def test_markdown(tmp_path: Path) -> None:
    source = """---
title: "Travel policy"
tags: [a]
---
# Travel

Book **early** with [our agent](https://example.org) or `self-book`.
Second line.

1. Ask
2. Book
   - by train
   - by air

| City | Limit |
|------|------:|
| Rome | 120 \\| 130 |

```python
def f():

    return 1
```

Setext
------
> Quoted.

<div><p>Inside <b>HTML</b></p></div>
"""
    parsed = read_text(tmp_path, "a.md", source)
    assert parsed.title == "Travel policy"
    assert shape(parsed) == [
        (HEADING, "Travel"),
        (PARAGRAPH, "Book early with our agent or self-book. Second line."),
        (LIST, "1. Ask\n2. Book\n  - by train\n  - by air"),
        (TABLE, "| City | Limit |\n| --- | --- |\n| Rome | 120 \\| 130 |"),
        (CODE, "def f():\n\n    return 1"),
        (HEADING, "Setext"),
        (PARAGRAPH, "Quoted."),
        (PARAGRAPH, "Inside HTML"),
    ]
    assert [block.level for block in parsed.blocks if block.kind is HEADING] == [1, 2]


def test_markdown_title_is_its_first_heading(tmp_path: Path) -> None:
    assert read_text(tmp_path, "a.md", "Intro\n\n# Real *title*\n\nText").title == "Real title"


def test_markdown_nested_without_end(tmp_path: Path) -> None:
    assert read_text(tmp_path, "a.md", "- " * 3000 + "deep\n\nAfter").blocks[-1].text == "After"
    assert read_text(tmp_path, "a.md", ">" * 3000 + "deep\n\nAfter").blocks[-1].text == "After"


# -- HTML -----------------------------------------------------------------------------------------


def test_html_main_content(tmp_path: Path) -> None:
    page = """<!doctype html><html><head><title>Leave | Intranet</title><style>p{}</style></head><body>
    <header><a href=/>Home</a></header><nav><ul><li>Menu</ul></nav><div class="cookie-banner">We use cookies</div>
    <div id=content><h1>Leave</h1><p>You have <b>25</b>
       days<br>a year.</p>Loose text
      <ul><li>One<li>Two <ol><li>Deep</ol></ul>
      <pre>code  line\n  next</pre>
      <table><tr><th>Year<th>Days</tr><tr><td>1<td>25</tr><tr><td colspan=2>all</table>
      <table><tr><td><h2>Layout</h2><p>Not data</p></table>
      <script>alert(1)</script><p hidden>Hidden</p></div>
    <aside>Ads</aside><footer>Imprint</footer></body></html>"""
    parsed = read_text(tmp_path, "a.html", page)
    assert parsed.title == "Leave | Intranet"
    assert shape(parsed) == [
        (HEADING, "Leave"),
        (PARAGRAPH, "You have 25 days\na year."),
        (PARAGRAPH, "Loose text"),
        (LIST, "- One\n- Two\n  1. Deep"),
        (CODE, "code  line\n  next"),
        (TABLE, "| Year | Days |\n| --- | --- |\n| 1 | 25 |\n| all |  |"),
        (HEADING, "Layout"),
        (PARAGRAPH, "Not data"),
    ]


def test_html_prefers_main(tmp_path: Path) -> None:
    page = "<body><div>Around</div><main><p>" + "Inside. " * 40 + "</p></main></body>"
    assert [block.text[:7] for block in read_text(tmp_path, "a.html", page).blocks] == ["Inside."]


@pytest.mark.parametrize("declared", ["iso-8859-1", "windows-1252", "no-such-encoding"])
def test_html_encoding(tmp_path: Path, declared: str) -> None:
    page = f'<html><head><meta charset="{declared}"></head><body><p>Grüße</p></body></html>'
    assert read_text(tmp_path, "a.html", page.encode("latin-1")).blocks[0].text == "Grüße"


def test_html_very_deep(tmp_path: Path) -> None:
    parsed = read_text(tmp_path, "a.html", "<div>" * 20_000 + "deep" + "</div>" * 20_000 + "<p>after</p>")
    assert [block.text for block in parsed.blocks] == ["deep", "after"]


# -- Word -----------------------------------------------------------------------------------------


def write_handbook(document: docx.document.Document) -> None:
    document.core_properties.title = "Handbook"
    document.add_heading("Welcome", level=1)
    document.add_paragraph("Before the table.")
    cells = document.add_table(rows=2, cols=2)
    for row, texts in zip(cells.rows, [("Name", "Role"), ("Ada", "Engineer | lead")], strict=True):
        for cell, text in zip(row.cells, texts, strict=True):
            cell.text = text
    document.add_heading("Steps", level=2)
    for text in ("Ask", "Wait"):
        document.add_paragraph(text, style="List Number")
    for text in ("red", "blue"):
        document.add_paragraph(text, style="List Bullet")
    for line in ("import os", "os.getcwd()"):
        document.add_paragraph().add_run(line).font.name = "Consolas"
    document.add_paragraph("The end.")


def test_docx_in_document_order(tmp_path: Path) -> None:
    parsed = read(samples.docx_of(tmp_path / "a.docx", write_handbook))
    assert parsed.title == "Handbook"
    assert parsed.page_count is None
    assert shape(parsed) == [
        (HEADING, "Welcome"),
        (PARAGRAPH, "Before the table."),
        (TABLE, "| Name | Role |\n| --- | --- |\n| Ada | Engineer \\| lead |"),
        (HEADING, "Steps"),
        (LIST, "1. Ask\n2. Wait\n- red\n- blue"),
        (CODE, "import os\nos.getcwd()"),
        (PARAGRAPH, "The end."),
    ]
    assert [block.level for block in parsed.blocks if block.kind is HEADING] == [1, 2]


def test_docx_keeps_insertions_and_content_controls_but_no_deletions(tmp_path: Path) -> None:
    def write(document: docx.document.Document) -> None:
        paragraph = document.add_paragraph("Kept")
        for tag, text, name in (("w:ins", " added", "w:t"), ("w:del", " removed", "w:delText")):
            change, run, words = OxmlElement(tag), OxmlElement("w:r"), OxmlElement(name)
            words.text = text
            words.set("{http://www.w3.org/XML/1998/namespace}space", "preserve")
            run.append(words)
            change.append(run)
            paragraph._p.append(change)
        control, content = OxmlElement("w:sdt"), OxmlElement("w:sdtContent")
        control.append(content)
        content.append(document.add_paragraph("In a control")._p)
        document.element.body.insert(0, control)

    assert [text for _, text in shape(read(samples.docx_of(tmp_path / "a.docx", write)))] == [
        "In a control",
        "Kept added",
    ]


# -- PDF ------------------------------------------------------------------------------------------


def test_pdf_structure(tmp_path: Path) -> None:
    sentence = "The quick brown fox jumps over the lazy dog and runs into the deep dark forest. "
    story = [
        samples.heading("Introduction"),
        samples.body(sentence * 5),
        samples.body("Second paragraph."),
        samples.heading("Figures", 2),
        samples.table([["Name", "City", "Age"], ["Alice", "Paris", "30"], ["Bob", "Berlin", "41"]]),
        samples.new_page(),
        samples.body("On page two."),
    ]
    parsed = read(samples.pdf_of_story(tmp_path / "a.pdf", story, title="Annual report"))
    assert (parsed.title, parsed.page_count) == ("Annual report", 2)
    assert shape(parsed) == [
        (HEADING, "Introduction"),
        (PARAGRAPH, (sentence * 5).strip()),
        (PARAGRAPH, "Second paragraph."),
        (HEADING, "Figures"),
        (TABLE, "| Name | City | Age |\n| --- | --- | --- |\n| Alice | Paris | 30 |\n| Bob | Berlin | 41 |"),
        (PARAGRAPH, "On page two."),
    ]
    assert [block.page for block in parsed.blocks] == [1, 1, 1, 1, 1, 2]
    assert [block.level for block in parsed.blocks if block.kind is HEADING] == [1, 2]


def test_pdf_drops_what_every_page_repeats(tmp_path: Path) -> None:
    pages = [
        [
            "Acme Ltd. confidential",
            *(f"Body {number} line {line} of words." for line in range(9)),
            f"Page {number} of 4",
        ]
        for number in range(1, 5)
    ]
    parsed = read(samples.pdf_of_pages(tmp_path / "a.pdf", pages))
    text = "\n".join(block.text for block in parsed.blocks)
    assert "confidential" not in text
    assert "of 4" not in text
    assert all(f"Body {number} line {line}" in text for number in range(1, 5) for line in range(9))


def test_pdf_keeps_numbered_headings_and_lonely_lines(tmp_path: Path) -> None:
    slides = samples.pdf_of_pages(tmp_path / "a.pdf", [[f"Section {number}", "Same words."] for number in range(1, 7)])
    alike = samples.pdf_of_pages(tmp_path / "b.pdf", [["The only line"]] * 5)
    text = " ".join(block.text for block in read(slides).blocks)
    assert all(f"Section {number}" in text for number in range(1, 7))
    assert len(read(alike).blocks) == 5


def test_pdf_hyphens_at_line_ends(tmp_path: Path) -> None:
    lines = ["We publish infor-", "mation about long-", "term plans. A long-term plan", "is well-", "known to all."]
    text = read(samples.pdf_of_pages(tmp_path / "a.pdf", [lines])).blocks[0].text
    assert text == "We publish information about long-term plans. A long-term plan is wellknown to all."


def test_pdf_columns_are_read_one_after_the_other(tmp_path: Path) -> None:
    left = ["The left column speaks of apples and of", "pears that grow on trees in the garden", "until autumn comes."]
    right = ["The right column speaks about the sea", "and ships that sail on it to far lands", "all around the world."]
    path = samples.pdf_of_columns(tmp_path / "a.pdf", left * 2, right * 2)
    assert [block.text for block in read(path).blocks] == [" ".join(left * 2), " ".join(right * 2)]


def test_pdf_lists(tmp_path: Path) -> None:
    lines = ["You need:", "• a passport", "• two photos, both", "  of them new", "1. Ask", "2. Wait"]
    parsed = read(samples.pdf_of_pages(tmp_path / "a.pdf", [lines]))
    assert (LIST, "- a passport\n- two photos, both of them new\n1. Ask\n2. Wait") in shape(parsed)


def test_pdf_from_many_threads(tmp_path: Path) -> None:
    paths = [
        samples.pdf_of_pages(tmp_path / f"{name}.pdf", [[f"File {name} page {page}"] for page in range(20)])
        for name in range(8)
    ]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(read, paths))
    for name, parsed in enumerate(found):
        assert [block.text for block in parsed.blocks] == [f"File {name} page {page}" for page in range(20)]


def test_sample_pdf() -> None:
    box = Box(page=1, left=58.0, top=69.3, right=179.6, bottom=87.3)
    assert read(samples.sample("r2r_pdf.pdf")).blocks == (Block(PARAGRAPH, "Dummy PDF file", page=1, boxes=(box,)),)


@pytest.mark.parametrize(
    ("name", "pages", "words"),
    [
        (
            "r2r_lyft_2021.pdf",
            238,
            {
                3: "forward-looking statements",
                80: "Consolidated Statements of Comprehensive Loss",
                76: "Critical Audit",
            },
        ),
        ("r2r_uber_2021.pdf", 307, {61: "Mobility Segment"}),
    ],
)
def test_long_sample(name: str, pages: int, words: dict[int, str]) -> None:
    path = samples.sample(name)
    started, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    parsed = read(path)
    seconds, peak = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    sys.stderr.write(f"\n{name}: {seconds:.1f} s, {(peak - before) // 1024} MB more, peak {peak // 1024} MB\n")
    assert parsed.page_count == pages
    assert {block.page for block in parsed.blocks} <= set(range(1, pages + 1))
    for page, text in words.items():
        assert any(text in block.text for block in parsed.blocks if block.page == page)
    assert peak - before < 200 * 1024


@pytest.mark.parametrize("name", ["r2r_docx.docx", "r2r_html.html", "r2r_md.md", "r2r_txt.txt", "r2r_rst.rst"])
def test_sample_of_other_kinds(name: str) -> None:
    assert sum(len(block.text) for block in read(samples.sample(name)).blocks) > 200
