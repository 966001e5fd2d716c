"""What all e-mail formats share: the lines above the text, and the text itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from knowledge.ingestion.readers.text import cleaned, paragraphs_of
from knowledge.types import Block, BlockKind

_LONGEST_HEADER = 2_000  # characters: a message to a thousand people names the first ones


def letter_blocks(subject: str, headers: Iterable[tuple[str, str]], *, plain: str, html: str) -> Iterator[Block]:
    """The subject as heading, the headers as one paragraph, then the body: plain if there is one, else its HTML."""
    if subject := _line(subject):
        yield Block(BlockKind.HEADING, subject, level=1)
    lines = [f"{name}: {text}" for name, value in headers if (text := _line(value))]
    if lines:
        yield Block(BlockKind.PARAGRAPH, "\n".join(lines))
    yield from _body(plain, html)


def _body(plain: str, html: str) -> Sequence[Block]:
    text = cleaned(plain)
    if text.strip():
        return paragraphs_of(text)
    from knowledge.ingestion.readers.html import blocks_of_html  # most messages need no HTML

    return blocks_of_html(html) if html.strip() else ()


def _line(text: str) -> str:
    return " ".join(cleaned(text).split())[:_LONGEST_HEADER]
