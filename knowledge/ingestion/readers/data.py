"""JSON, YAML and TOML: structured text. Each top-level entry is a listing with its lines and its key as name."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from knowledge.errors import DocumentTooLarge
from knowledge.ingestion.readers.source import Source
from knowledge.ingestion.readers.text import cleaned, decoded
from knowledge.types import Block, BlockKind, ParsedDocument

_LONGEST_LINE = 2_000  # characters: a longer one is data on a single line, laid out anew where that can be done
_KEY = re.compile(r"""^(?:"([^"\n]{1,100})"|'([^'\n]{1,100})'|([\w.$/-][^:\n"'{}\[\]#]{0,100}?))\s*:(?:\s|$)""")
_TABLE = re.compile(r"^\[\[?\s*([^\]\n]{1,100}?)\s*\]\]?\s*(?:[#;].*)?$")
_SMALL = 600  # characters
_DEEPEST = 200  # levels that are laid out; deeper data stays as it stands


def read_json(source: Source) -> ParsedDocument:
    text = cleaned(decoded(source.path.read_bytes()))
    if source.suffix == ".ipynb" and (cells := _cells(text)):
        return ParsedDocument(tuple(cells))
    laid_out = _laid_out(text, source.limits.max_characters)
    if laid_out is None:
        return ParsedDocument(tuple(_block(text.split("\n"), 1, [], "json")))
    return ParsedDocument((Block(BlockKind.CODE, laid_out, language="json"),))


def read_yaml(source: Source) -> ParsedDocument:
    """Not parsed: aliases can make it grow without end, and its lines are its structure."""
    return ParsedDocument(tuple(_entries(cleaned(decoded(source.path.read_bytes())), _KEY, "yaml")))


def read_toml(source: Source) -> ParsedDocument:
    """Its kin too: every [section] is an entry, whatever follows."""
    language = "toml" if source.suffix == ".toml" else "ini"
    return ParsedDocument(tuple(_entries(cleaned(decoded(source.path.read_bytes())), _TABLE, language)))


def _laid_out(text: str, most: int) -> str | None:
    """One line of JSON as many; None for what is laid out already, is no JSON, or is nested without end."""
    if max(map(len, text.split("\n")), default=0) <= _LONGEST_LINE or _depth(text) > _DEEPEST:
        return None
    try:
        value = json.loads(text)
    except ValueError:
        return None
    pieces: list[str] = []
    for piece in json.JSONEncoder(indent=1, ensure_ascii=False).iterencode(value):
        most -= len(piece)
        if most < 0:
            raise DocumentTooLarge(detail="characters of JSON laid out")
        pieces.append(piece)
    return "".join(pieces)


def _depth(text: str) -> int:
    depth = deepest = 0
    for sign in re.findall(r"[\[{\]}]", text):
        depth += 1 if sign in "[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _entries(text: str, start: re.Pattern[str], language: str) -> Iterator[Block]:
    """Small entries share a listing, which then has no name."""
    first, names, lines, size = 1, list[str](), list[str](), 0
    for number, line in enumerate(text.split("\n"), start=1):
        if opened := start.match(line):
            if size > _SMALL:
                yield from _block(lines, first, names, language)
                first, names, lines, size = number, [], [], 0
            names.append(next(filter(None, opened.groups()), ""))
        lines.append(line)
        size += len(line)
    yield from _block(lines, first, names, language)


def _block(lines: list[str], first: int, names: list[str], language: str) -> Iterator[Block]:
    text = "\n".join(lines).rstrip()
    if text:
        last = first + text.count("\n")
        name = names[0] if len(names) == 1 else ""
        yield Block(BlockKind.CODE, text, language=language, name=name, place=f"lines {first}-{last}")


def _cells(text: str) -> list[Block]:
    """A notebook's cells: its prose as Markdown, its code as code. Nothing where it is no notebook."""
    try:
        notebook = json.loads(text) if _depth(text) <= _DEEPEST else {}
        cells = [(cell["cell_type"], "".join(cell["source"])) for cell in notebook["cells"]]
    except (ValueError, KeyError, TypeError):
        return []
    from knowledge.ingestion.readers.markdown import blocks_of_markdown  # notebooks only

    blocks: list[Block] = []
    for kind, words in cells:
        if kind == "code" and words.strip():
            blocks.append(Block(BlockKind.CODE, words.strip("\n"), language="python"))
        elif kind != "code":
            blocks += blocks_of_markdown(words)
    return blocks
