"""JSON, YAML and TOML: structured text. Each top-level entry is a listing with its lines and its key as name."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from knowledge.errors import DocumentTooLarge
from knowledge.ingestion.readers.markdown import blocks_of_markdown
from knowledge.ingestion.readers.source import Source
from knowledge.ingestion.readers.text import cleaned, decoded
from knowledge.types import Block, BlockKind, ParsedDocument

_LONGEST_LINE = 2_000  # characters: a longer one is data on a single line, laid out anew where that can be done
_KEY = re.compile(r"""^(?:"([^"\n]{1,100})"|'([^'\n]{1,100})'|([\w.$/-][^:\n"'{}\[\]#]{0,100}?))\s*:(?:\s|$)""")
_TABLE = re.compile(r"^\[\[?\s*([^\]\n]{1,100}?)\s*\]\]?\s*(?:[#;].*)?$")
_DEEPEST = 200  # levels that are laid out; deeper data stays as it stands


def read_json(source: Source) -> ParsedDocument:
    text = cleaned(decoded(source.path.read_bytes()))
    if source.suffix == ".ipynb" and (cells := _cells(text)):
        return ParsedDocument(tuple(cells))
    laid_out = _laid_out(text, source.limits.max_characters)
    if laid_out is None:
        return ParsedDocument(tuple(_listing(text, "json")))
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
    """Small entries share a listing: what is cut here is never joined again."""
    name, first, lines = "", 1, list[str]()
    for number, line in enumerate(text.split("\n"), start=1):
        opened = start.match(line)
        if opened:
            if any(map(str.strip, lines)):
                yield _block(lines, first, name, language)
            name, first, lines = next(filter(None, opened.groups()), ""), number, []
        lines.append(line)
    if any(map(str.strip, lines)):
        yield _block(lines, first, name, language)


def _listing(text: str, language: str) -> Iterator[Block]:
    lines = text.rstrip().split("\n")
    if text.strip():
        yield _block(lines, 1, "", language)


def _block(lines: list[str], first: int, name: str, language: str) -> Block:
    while lines and not lines[-1].strip():
        lines = lines[:-1]
    return Block(
        BlockKind.CODE, "\n".join(lines), language=language, name=name, place=f"lines {first}-{first + len(lines) - 1}"
    )


def _cells(text: str) -> list[Block]:
    """A notebook's cells: its prose as Markdown, its code as code. Nothing where it is no notebook."""
    try:
        notebook = json.loads(text) if _depth(text) <= _DEEPEST else {}
        cells = [(cell["cell_type"], "".join(cell["source"])) for cell in notebook["cells"]]
    except (ValueError, KeyError, TypeError):
        return []
    blocks: list[Block] = []
    for kind, words in cells:
        if kind == "code" and words.strip():
            blocks.append(Block(BlockKind.CODE, words.strip("\n"), language="python"))
        elif kind != "code":
            blocks += blocks_of_markdown(words)
    return blocks
