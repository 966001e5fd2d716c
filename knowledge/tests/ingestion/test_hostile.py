"""Hostile and broken files end in the code that tells the person what to do, soon, and with little memory."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from knowledge.errors import IngestionError
from knowledge.ingestion.reading import read_document
from knowledge.tests.ingestion.hostile import NEED_A_SANDBOX, hostile_files

SECONDS = 20  # for one file, on a busy machine; most take milliseconds


def test_every_hostile_file_ends_in_its_code(tmp_path: Path) -> None:
    """One test for all: the large ones are made one at a time, and not kept."""
    wrong, slow, count = [], [], 0
    for name, content, expected in hostile_files():
        if name in NEED_A_SANDBOX:
            continue
        started = time.process_time()
        found = outcome(tmp_path, name, content)
        count += 1
        if found != expected:
            wrong.append((name, expected, found))
        if time.process_time() - started > SECONDS:
            slow.append((name, time.process_time() - started))
    assert wrong == []
    assert slow == []
    assert count > 130


def outcome(folder: Path, name: str, content: bytes) -> str | None:
    path, parts = folder / "hostile", folder / f"parts of {time.monotonic_ns()}"
    path.write_bytes(content)
    parts.mkdir()
    try:
        read_document(path, file_name=name, parts_folder=parts)
    except IngestionError as error:
        assert error.text.endswith(".")
        return error.code
    assert {file.parent for file in parts.rglob("*")} <= {parts}
    return None


def test_names_are_told_apart() -> None:
    names = [name for name, _, _ in hostile_files()]
    assert len(set(names)) == len(names)
    assert set(names) >= NEED_A_SANDBOX


@pytest.mark.parametrize("name", ["slip.zip", "colon.zip"])
def test_nothing_is_unpacked_outside(tmp_path: Path, name: str) -> None:
    content = next(data for known, data, _ in hostile_files() if known == name)
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
