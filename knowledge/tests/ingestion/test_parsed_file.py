"""What a parser process hands over is read back as it was written, or refused; nothing in between."""

from __future__ import annotations

import gzip
import os
import tempfile
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from knowledge.ingestion import frames
from knowledge.ingestion.parsed_file import CheckpointUnreadable, read_parsed, write_parsed
from knowledge.types import Block, BlockKind, Box, ParsedDocument, Part

quick = settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))

sides = st.floats(-1e6, 1e6, allow_nan=False)
boxes = st.builds(Box, page=st.integers(1, 10_000), left=sides, top=sides, right=sides, bottom=sides)
texts = st.text(max_size=80)
blocks = st.builds(
    Block,
    kind=st.sampled_from(BlockKind),
    text=texts,
    page=st.none() | st.integers(1, 10_000),
    level=st.integers(0, 9),
    language=texts,
    boxes=st.lists(boxes, max_size=3).map(tuple),
    place=texts,
    name=texts,
)
paths = st.binary(min_size=1, max_size=30).filter(lambda name: not set(name) & set(b"\x00/")).map(os.fsdecode)
documents = st.builds(
    ParsedDocument,
    blocks=st.lists(blocks, max_size=6).map(tuple),
    title=texts,
    page_count=st.none() | st.integers(0, 10_000),
    parts=st.lists(st.builds(Part, name=texts, path=paths.map(Path)), max_size=3).map(tuple),
)


@contextmanager
def place() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder, "parsed")


def packed(document: ParsedDocument) -> bytes:
    with place() as path:
        write_parsed(path, document)
        return path.read_bytes()


def unpacked(content: bytes) -> ParsedDocument:
    with place() as path:
        path.write_bytes(content)
        return read_parsed(path)


@quick
@given(document=documents)
def test_what_is_written_is_read(document: ParsedDocument) -> None:
    assert unpacked(packed(document)) == document


def test_many_blocks_and_a_name_outside_unicode() -> None:
    some = tuple(Block(BlockKind.PARAGRAPH, f"Paragraph {number}", page=number + 1) for number in range(1000))
    document = ParsedDocument(some, parts=(Part("a.txt", Path(os.fsdecode(b"/tmp/\xff"))),))
    assert unpacked(packed(document)) == document


def test_half_a_surrogate_becomes_a_question_mark() -> None:
    document = ParsedDocument((Block(BlockKind.CODE, "a\ud800b", boxes=(Box(1, 0, 0, 1, 1),)),), title="\udfff")
    assert unpacked(packed(document)).blocks[0].text == "a?b"
    assert unpacked(packed(document)).title == "?"


@quick
@given(document=documents, data=st.data())
def test_a_file_cut_short_is_refused(document: ParsedDocument, data: st.DataObject) -> None:
    content = packed(document)
    with pytest.raises(CheckpointUnreadable):
        unpacked(content[: data.draw(st.integers(0, len(content) - 1))])


@quick
@given(document=documents, data=st.data())
def test_a_file_with_other_bytes_is_refused_or_says_the_same(document: ParsedDocument, data: st.DataObject) -> None:
    """Some bytes of the wrapping mean nothing (its time, its system); all others are under its checksum."""
    content = bytearray(packed(document))
    for index, byte in data.draw(
        st.lists(st.tuples(st.integers(0, len(content) - 1), st.integers(0, 255)), max_size=5)
    ):
        content[index] = byte
    try:
        found = unpacked(bytes(content))
    except CheckpointUnreadable:
        return
    assert found == document


@quick
@given(content=st.binary(max_size=300) | st.binary(max_size=300).map(gzip.compress))
def test_any_other_file_is_refused(content: bytes) -> None:
    with pytest.raises(CheckpointUnreadable):
        unpacked(content)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


@quick
@given(document=documents, data=st.data())
def test_another_value_anywhere_is_refused_or_is_a_document(document: ParsedDocument, data: st.DataObject) -> None:
    """A parser process that was taken over may write what it likes: it gets no error of its own, and no other type."""
    lines = [orjson.loads(line) for line in gzip.decompress(packed(document)).splitlines()]
    line = data.draw(st.sampled_from(lines))
    if isinstance(line, dict):
        line[data.draw(st.sampled_from(sorted(line)))] = data.draw(json_values)
    elif line:
        block = data.draw(st.sampled_from(line))
        block[data.draw(st.sampled_from(sorted(block)))] = data.draw(json_values)
    try:
        found = unpacked(gzip.compress(b"\n".join(map(orjson.dumps, lines))))
    except CheckpointUnreadable:
        return
    assert isinstance(found.title, str)
    assert all(isinstance(text, str) for block in found.blocks for text in (block.text, block.place, block.name))
    assert all(isinstance(box, Box) and isinstance(box.page, int) for block in found.blocks for box in block.boxes)
    assert all(isinstance(part.name, str) for part in found.parts)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "missing", tmp_path):
        with pytest.raises(CheckpointUnreadable):
            read_parsed(path)


def test_a_bomb_is_refused(tmp_path: Path) -> None:
    """A line of 140 MB in half a megabyte; its document would take many times that."""
    with gzip.open(tmp_path / "bomb", "wb", compresslevel=1) as file:
        for _ in range(140):
            file.write(b"[" * 1_000_000)
    with pytest.raises(CheckpointUnreadable, match="more than"):
        read_parsed(tmp_path / "bomb")


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    old = ParsedDocument((Block(BlockKind.PARAGRAPH, "old"),))
    write_parsed(tmp_path / "parsed", old)
    with pytest.raises(TypeError):
        write_parsed(tmp_path / "parsed", ParsedDocument((object(),)))  # type: ignore[arg-type]
    assert read_parsed(tmp_path / "parsed") == old
    assert [path.name for path in tmp_path.iterdir()] == ["parsed"]


# -- frames ---------------------------------------------------------------------------------------

messages = st.dictionaries(texts, json_values, max_size=4)


@contextmanager
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    try:
        yield ends
    finally:
        for end in ends:
            try:
                os.close(end)
            except OSError:
                continue


@quick
@given(sent=st.lists(messages, max_size=4))
def test_messages_arrive_as_they_were_sent(sent: list[dict[str, Any]]) -> None:
    with pipe() as (out, into):
        writer = threading.Thread(target=lambda: deque(map(partial(frames.send, into), sent), maxlen=0))
        writer.start()
        assert [frames.receive(out) for _ in sent] == sent
        writer.join()


@quick
@given(message=messages, data=st.data())
def test_a_message_in_pieces(message: dict[str, Any], data: st.DataObject) -> None:
    body = orjson.dumps(message)
    whole = len(body).to_bytes(4, "big") + body
    cut = data.draw(st.integers(0, len(whole) - 1))
    with pipe() as (out, into):
        reader = frames.FrameReader(out)
        os.write(into, whole[:cut])
        assert reader.poll(0) is None
        os.write(into, whole[cut:])
        assert reader.poll(0) == message


@quick
@given(content=st.binary(max_size=200))
def test_what_is_no_message_closes_the_pipe(content: bytes) -> None:
    with pipe() as (out, into):
        os.write(into, content)
        os.close(into)
        try:
            message = frames.receive(out)
        except frames.PipeClosed:
            return
        assert isinstance(message, dict)


def test_an_endless_message_is_not_waited_for() -> None:
    with pipe() as (out, into):
        os.write(into, (frames.MAX_FRAME + 1).to_bytes(4, "big"))
        with pytest.raises(frames.PipeClosed, match="bytes"):
            frames.receive(out)
