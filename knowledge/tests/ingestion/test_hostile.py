"""Hostile and broken files end in the code that tells the person what to do, soon, and with little memory."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from knowledge.errors import DocumentTooComplex, DocumentTooLarge, IngestionError
from knowledge.ingestion.parser_pool import ParserPool
from knowledge.ingestion.readers.limits import MEGABYTE
from knowledge.ingestion.reading import read_document
from knowledge.ingestion.sandbox import parse
from knowledge.tests.ingestion.hostile import ENDLESS, LIMITS, archives, hostile_files, paragraphs

# A file without end gets less, so that its end is not waited for: with 120 s and a gigabyte it would be the same end.
SHORT = replace(LIMITS, max_markup_bytes=50 * MEGABYTE, max_unpacked_bytes=50 * MEGABYTE, max_seconds=1.5)


@pytest.fixture
def pool() -> Iterator[ParserPool]:
    with closing(ParserPool()) as made:
        yield made


def test_every_hostile_file_ends_in_its_code(tmp_path: Path, pool: ParserPool) -> None:
    """One test and one parser for all: the large ones are made one at a time, and not kept."""
    wrong, names, before = [], list[str](), psutil.Process().memory_info().rss
    for name, content, expected in hostile_files():
        names.append(name)
        started = time.monotonic()
        found = outcome(tmp_path, name, content, pool)
        if found != expected or time.monotonic() - started > LIMITS.max_seconds:
            wrong.append((name, expected, found, time.monotonic() - started))
    assert wrong == []
    assert len(set(names)) == len(names) > 125
    assert set(names) >= ENDLESS
    assert psutil.Process().memory_info().rss - before < 300 * MEGABYTE  # made here, read elsewhere


def outcome(folder: Path, name: str, content: bytes, pool: ParserPool) -> str | None:
    path, parts = folder / "hostile", folder / f"parts of {time.monotonic_ns()}"
    path.write_bytes(content)
    parts.mkdir()
    limits = SHORT if name in ENDLESS else LIMITS
    try:
        parse(
            path,
            file_name=name,
            limits=limits,
            output=folder / "parsed",
            parts_folder=parts,
            check=lambda: None,
            pool=pool,
        )
    except IngestionError as error:
        assert error.text.endswith(".")
        return error.code
    assert {file.parent for file in parts.rglob("*")} <= {parts}
    return None


def test_a_long_word_document_looks_at_the_clock_itself(tmp_path: Path) -> None:
    """Where it is read without a process of its own, too."""
    (tmp_path / "a").write_bytes(paragraphs(60_000))
    with pytest.raises(DocumentTooComplex) as caught:
        read_document(tmp_path / "a", file_name="a.docx", limits=replace(LIMITS, max_seconds=0.5))
    assert "at paragraph" in caught.value.detail


def test_a_long_word_document_counts_as_it_goes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(paragraphs(20_000))
    with pytest.raises(DocumentTooLarge) as caught:
        read_document(tmp_path / "a", file_name="a.docx", limits=replace(LIMITS, max_characters=999))
    assert "1000" in caught.value.detail


@pytest.mark.parametrize("name", ["slip.zip", "colon.zip"])
def test_nothing_is_unpacked_outside(tmp_path: Path, name: str) -> None:
    content = next(data for known, data, _ in archives() if known == name)
    (tmp_path / "a.zip").write_bytes(content)
    folder = tmp_path / "parts"
    folder.mkdir()
    parsed = read_document(tmp_path / "a.zip", file_name=name, parts_folder=folder)
    assert [part.path.parent for part in parsed.parts] == [folder] * len(parsed.parts)
    for part in parsed.parts:
        assert ".." not in part.name.split("/")
        assert not part.name.startswith("/")
        assert not set(part.name) & set("\n\u202e\\:")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.zip", "parts"]
