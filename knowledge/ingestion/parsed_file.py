"""A parsed document as a file: what a parser process hands over, and from where a later attempt goes on.

Gzip of JSON lines: the first line tells the shape and everything but the blocks, each later one holds a batch of
blocks. A file of another shape (an older program's, for instance) or with a wrong checksum is refused, never half read.
"""

from __future__ import annotations

import gzip
import os
import secrets
import zlib
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote_to_bytes

import orjson

from knowledge.types import Block, BlockKind, Box, ParsedDocument, Part

_SHAPE = [1, [field.name for field in fields(Block)], [field.name for field in fields(Box)]]
_HUGE = 1 << 31  # what a column for counts in the database no longer takes
_BATCH = 256  # blocks in a line
_MAX_UNPACKED, _MAX_LINE = 1 << 30, 1 << 27  # bytes; a parser process is not trusted with our memory
_BROKEN = (OSError, EOFError, zlib.error, ValueError, TypeError, KeyError, IndexError, AttributeError)


class CheckpointUnreadable(Exception):
    """There is no parsed document in this file that this program can use: parse again."""


def write_parsed(path: Path, parsed: ParsedDocument, *, partial: Path | None = None) -> None:
    """Write atomically, by way of `partial`, a name in the same folder. Half surrogates in texts become "?"."""
    partial = partial or path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    packer = zlib.compressobj(level=1, wbits=31)
    try:
        with partial.open("wb") as file:
            for line in _lines(parsed):
                file.write(packer.compress(line))
            file.write(packer.flush())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def read_parsed(path: Path) -> ParsedDocument:
    """Raises `CheckpointUnreadable` when the file is missing, damaged, or written by a program with other blocks."""
    try:
        with gzip.open(path) as file:
            return _parsed_from(_bounded(file))
    except _BROKEN as error:
        raise CheckpointUnreadable(f"{path}: {error!r}") from error


def _lines(parsed: ParsedDocument) -> Iterator[bytes]:
    blocks = parsed.blocks
    yield _line(
        {
            "shape": _SHAPE,
            "title": parsed.title,
            "page_count": parsed.page_count,
            "parts": [[part.name, quote(os.fsencode(part.path))] for part in parsed.parts],
            "recognised_pages": parsed.recognised_pages,
            "blocks": len(blocks),
        }
    )
    for start in range(0, len(blocks), _BATCH):
        yield _line(blocks[start : start + _BATCH])


def _line(value: Any) -> bytes:
    try:
        return orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE)
    except orjson.JSONEncodeError:  # a half surrogate somewhere
        return orjson.dumps(_encodable(value), option=orjson.OPT_APPEND_NEWLINE)


def _encodable(value: Any) -> Any:
    match value:
        case str():
            return value.encode(errors="replace").decode()
        case list() | tuple():
            return [_encodable(item) for item in value]
        case dict():
            return {key: _encodable(item) for key, item in value.items()}
        case Block() | Box():
            return {field.name: _encodable(getattr(value, field.name)) for field in fields(value)}
    return value


def _bounded(file: gzip.GzipFile) -> Iterator[bytes]:
    left = _MAX_UNPACKED
    while line := file.readline(_MAX_LINE):
        left -= len(line)
        if left < 0 or len(line) == _MAX_LINE:
            raise ValueError("more than a parsed document may hold")
        yield line


def _parsed_from(lines: Iterator[bytes]) -> ParsedDocument:
    head = orjson.loads(next(lines, b""))
    if head["shape"] != _SHAPE:
        raise ValueError("another shape")
    blocks = tuple(_block(fields_) for line in lines for fields_ in orjson.loads(line))
    if len(blocks) != head["blocks"]:
        raise ValueError("blocks are missing")
    parts = tuple(Part(_text(name), Path(os.fsdecode(unquote_to_bytes(_text(path))))) for name, path in head["parts"])
    return ParsedDocument(
        blocks,
        title=_text(head["title"]),
        page_count=_count(head["page_count"]),
        parts=parts,
        recognised_pages=_count(head.get("recognised_pages")) or 0,
    )


def _block(values: dict[str, Any]) -> Block:
    kind, boxes = BlockKind(values.pop("kind")), tuple(_box(**box) for box in values.pop("boxes"))
    block = Block(kind=kind, boxes=boxes, **values)
    _text(block.text, block.language, block.place, block.name)
    if _count(block.level, block.page) is None:
        raise TypeError("a block without a level")
    return block


def _box(page: int, left: float, top: float, right: float, bottom: float) -> Box:
    if not all(isinstance(side, (int, float)) for side in (left, top, right, bottom)) or _count(page) is None:
        raise TypeError("a box without its sides")
    return Box(page, left, top, right, bottom)


def _text(*values: Any) -> str:
    """The first of these texts. A parser process that was taken over may have written anything in their place."""
    for value in values:
        if not isinstance(value, str):
            raise TypeError(f"no text: {value!r:.50}")
    return str(values[0])


def _count(*values: Any) -> int | None:
    """The first of these numbers, which may each be missing."""
    for value in values:
        if value is not None and not (isinstance(value, int) and 0 <= value < _HUGE):
            raise TypeError(f"no count: {value!r:.50}")
    return values[0]  # type: ignore[no-any-return]
