"""Markdown: what it says, without its marks. Links keep their words, pictures their description."""

from __future__ import annotations

import re
from collections.abc import Sequence

from markdown_it import MarkdownIt
from markdown_it.token import Token

from knowledge.ingestion.readers.html import blocks_of_html
from knowledge.ingestion.readers.source import Source
from knowledge.ingestion.readers.tables import markdown_table
from knowledge.ingestion.readers.text import cleaned, decoded, paragraphs_of
from knowledge.types import Block, BlockKind, ParsedDocument

_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?\n)(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_FRONT_TITLE = re.compile(r"^title:[ \t]*(.+?)[ \t]*$", re.MULTILINE | re.IGNORECASE)
_TAG = re.compile(r"<[^>]*>")
_LINE_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)

_markdown = MarkdownIt("commonmark", {"maxNesting": 100}).enable(["table", "strikethrough"])


def read_markdown(source: Source) -> ParsedDocument:
    text = cleaned(decoded(source.path.read_bytes()))
    front = _FRONT_MATTER.match(text)
    body = text[front.end() :] if front else text
    blocks = _Reader().blocks(_markdown.parse(body)) or paragraphs_of(body)  # lists in lists without end are left out
    named = _FRONT_TITLE.search(front[1]) if front else None
    title = named[1].strip("\"'") if named else ""
    return ParsedDocument(blocks, title=title or _first_heading(blocks))


def blocks_of_markdown(source: str) -> tuple[Block, ...]:
    """The blocks of a piece of Markdown inside another format."""
    return _Reader().blocks(_markdown.parse(cleaned(source)))


def _first_heading(blocks: Sequence[Block]) -> str:
    return next((block.text for block in blocks if block.kind is BlockKind.HEADING and block.level == 1), "")


class _Reader:
    """Walks the flat token stream; keeps the list and the table it is in."""

    def __init__(self) -> None:
        self._blocks: list[Block] = []
        self._heading = 0
        self._list: list[str] = []
        self._numbers: list[int | None] = []  # one entry for every list we are in: its next number, None for bullets
        self._marker: str | None = None
        self._rows: list[list[str]] | None = None

    def blocks(self, tokens: Sequence[Token]) -> tuple[Block, ...]:
        for token in tokens:
            self._read(token)
        return tuple(block for block in self._blocks if block.text.strip())

    def _read(self, token: Token) -> None:
        match token.type:
            case "heading_open":
                self._heading = int(token.tag[1:])
            case "heading_close":
                self._heading = 0
            case "inline":
                self._inline(_words(token.children or []))
            case "fence" | "code_block":
                self._add(BlockKind.CODE, token.content.rstrip("\n"), language=token.info.split(" ")[0])
            case "html_block":
                self._html(token.content)
            case "bullet_list_open" | "ordered_list_open":
                self._numbers.append(int(token.attrGet("start") or 1) if token.type == "ordered_list_open" else None)
            case "bullet_list_close" | "ordered_list_close":
                self._close_list()
            case "list_item_open":
                self._open_item()
            case "table_open":
                self._rows = []
            case "tr_open" if self._rows is not None:
                self._rows.append([])
            case "table_close":
                rows, self._rows = self._rows or [], None
                self._add(BlockKind.TABLE, markdown_table(rows))

    def _inline(self, text: str) -> None:
        if self._rows:
            self._rows[-1].append(text)
        elif self._heading:
            self._add(BlockKind.HEADING, " ".join(text.split()))
        else:
            self._add(BlockKind.PARAGRAPH, text)

    def _html(self, content: str) -> None:
        for block in blocks_of_html(content):
            if self._numbers:
                self._add(block.kind, block.text)
            else:
                self._blocks.append(block)

    def _add(self, kind: BlockKind, text: str, language: str = "") -> None:
        if not self._numbers:
            level = self._heading if kind is BlockKind.HEADING else 0
            self._blocks.append(Block(kind, text, level=level, language=language))
            return
        indent = "  " * (len(self._numbers) - 1)
        for line in text.split("\n"):
            self._list.append(f"{indent}{self._marker or '  '}{line}".rstrip())
            self._marker = None

    def _open_item(self) -> None:
        number = self._numbers[-1]
        self._marker = "- " if number is None else f"{number}. "
        if number is not None:
            self._numbers[-1] = number + 1

    def _close_list(self) -> None:
        self._numbers.pop()
        if not self._numbers:
            self._blocks.append(Block(BlockKind.LIST, "\n".join(line for line in self._list if line.strip())))
            self._list, self._marker = [], None


def _words(children: Sequence[Token]) -> str:
    parts: list[str] = []
    for child in children:
        match child.type:
            case "text" | "code_inline":
                parts.append(child.content)
            case "softbreak":
                parts.append(" ")
            case "hardbreak":
                parts.append("\n")
            case "image":
                parts.append(child.content)
            case "html_inline":
                parts.append(_TAG.sub("", _LINE_BREAK.sub("\n", child.content)))
    return "".join(parts).strip()
