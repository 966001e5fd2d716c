"""Whatever the bytes are, a reader finds a document or says what is wrong with it; it never fails in its own way."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from knowledge.errors import IngestionError
from knowledge.ingestion.chunking import chunk_document
from knowledge.ingestion.reading import ReadLimits, read_document
from knowledge.tests.ingestion import hostile

LIMITS = ReadLimits(max_cells=100_000, max_parts=50)
TEXTS = ("a.txt", "a.md", "a.html", "a.csv", "a.json", "a.yaml", "a.toml", "a.xml", "a.py", "a.ts", "a.eml", "a.rtf")
WHOLE = ("a.pdf", "a.docx", "a.pptx", "a.xlsx", "a.odt", "a.zip")
quick = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@cache
def whole(name: str) -> bytes:
    make = {"a.pdf": hostile.pdf, "a.docx": hostile.word, "a.pptx": hostile.slides, "a.xlsx": hostile.workbook}
    make |= {"a.odt": hostile.open_text, "a.zip": lambda: hostile.zipped({"a.txt": b"Hello " * 20})}
    return make[name]()


def survives(name: str, content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path, parts = Path(folder) / "file", Path(folder) / "parts"
        path.write_bytes(content)
        parts.mkdir()
        try:
            parsed = read_document(path, file_name=name, limits=LIMITS, parts_folder=parts)
        except IngestionError as error:
            assert error.code
            return
    for chunk in chunk_document(parsed, title=name, count_tokens=lambda text: len(text) // 3):
        assert chunk.text.strip()
        assert "\x00" not in chunk.text
        chunk.text.encode()


@pytest.mark.parametrize("name", TEXTS)
@quick
@given(content=st.binary(max_size=400) | st.text(max_size=300).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_texts_of_any_bytes(name: str, content: bytes) -> None:
    survives(name, content)
    survives(name, b"{\\rtf1 " + content + b"}" if name == "a.rtf" else b"From: a@b.example\n" + content)


@pytest.mark.parametrize("name", WHOLE)
@quick
@given(data=st.data())
def test_files_with_some_bytes_changed(name: str, data: st.DataObject) -> None:
    content = bytearray(whole(name))
    changes = st.lists(st.tuples(st.integers(0, len(content) - 1), st.integers(0, 255)), min_size=1, max_size=12)
    for place, byte in data.draw(changes):
        content[place] = byte
    survives(name, bytes(content))


@pytest.mark.parametrize("name", WHOLE)
@quick
@given(data=st.data())
def test_packages_with_parts_of_any_bytes(name: str, data: st.DataObject) -> None:
    """What a changed byte hides behind a wrong checksum is reached here."""
    if name in ("a.pdf", "a.zip"):
        start, size = data.draw(st.integers(0, len(whole(name)))), data.draw(st.integers(0, 300))
        survives(name, whole(name)[:start] + whole(name)[start + size :])
        return
    inner = {"a.docx": "word/document.xml", "a.pptx": "ppt/slides/slide1.xml", "a.odt": "content.xml"}
    entry = inner.get(name, "xl/worksheets/sheet1.xml")
    markup = st.lists(st.sampled_from(["<a>", "</a>", "x", "<w:p/>", '<c r="B2"><v>9</v></c>', "&lt;"]), max_size=9)
    content = data.draw(st.binary(max_size=100) | markup.map(lambda parts: f"<a>{''.join(parts)}</a>".encode()))
    survives(name, hostile.with_entries(whole(name), {entry: content}))
