"""Plain text in any encoding, and the decoding and cleaning every other reader uses."""

from __future__ import annotations

import codecs
import re
import unicodedata

from knowledge.ingestion.readers.source import Source
from knowledge.types import Block, BlockKind, ParsedDocument

_MARKS = (  # the longer ones first: the mark of UTF-16 begins the one of UTF-32
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_WESTERN = "cp1252"
_GUESSES = [_WESTERN, "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "koi8_r", "cp437", "mac_roman"]
_GUESSES += ["shift_jis", "euc_jp", "gb18030", "big5", "euc_kr"]
_GUESS_FROM = 100_000  # bytes
_ENOUGH_TO_GUESS = 24  # bytes outside ASCII; with fewer every guess is as good as any other

_UNWANTED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u00ad\u200b\u2060\ufeff\ufffe\uffff\ud800-\udfff]")
_BLANK_LINES = re.compile(r"\n[^\S\n]*\n\s*")
_BULLET = re.compile(r"\s*(?:[-*+•◦▪]|\d{1,3}[.)])\s+\S")


def read_text(source: Source) -> ParsedDocument:
    return ParsedDocument(paragraphs_of(cleaned(decoded(source.path.read_bytes()))))


def paragraphs_of(text: str) -> tuple[Block, ...]:
    paragraphs = (paragraph.rstrip() for paragraph in _BLANK_LINES.split(text.strip("\n")))
    return tuple(Block(_kind(paragraph), paragraph) for paragraph in paragraphs if paragraph.strip())


def line_paragraphs_of(text: str) -> tuple[Block, ...]:
    """As above, for formats that write a paragraph as one line: neighbouring items of a list stay together."""
    blocks: list[Block] = []
    for line in filter(None, (line.rstrip() for line in text.split("\n"))):
        kind = _kind(line)
        if kind is BlockKind.LIST and blocks and blocks[-1].kind is BlockKind.LIST:
            blocks[-1] = Block(kind, f"{blocks[-1].text}\n{line}")
        elif line.strip():
            blocks.append(Block(kind, line.strip()))
    return tuple(blocks)


def decoded(data: bytes) -> str:
    """Text from bytes of an unknown encoding. Never fails: what can't be read becomes the replacement character."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data.decode(encoding, errors="replace")
    if (wide := wide_encoding(data)) is not None:
        return data.decode(wide, errors="replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode(_guessed(data), errors="replace")


def wide_encoding(data: bytes) -> str | None:
    """UTF-16 without a mark: in text of mostly Latin letters every second byte is zero."""
    sample = data[:2000]
    if len(sample) < 4:
        return None
    even, odd = sample[0::2].count(0) / len(sample[0::2]), sample[1::2].count(0) / len(sample[1::2])
    if odd > 0.4 and even < 0.05:
        return "utf-16-le"
    return "utf-16-be" if even > 0.4 and odd < 0.05 else None


def cleaned(text: str) -> str:
    """One form of line end and of accents; nothing a database or a page would choke on."""
    unified = text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n\n").replace("\u00a0", " ")
    return unicodedata.normalize("NFC", _UNWANTED.sub("", unified))


def _guessed(data: bytes) -> str:
    if sum(byte > 127 for byte in data[:_GUESS_FROM]) < _ENOUGH_TO_GUESS:
        return _WESTERN
    import charset_normalizer  # 10 ms and 4 MB: few files need it

    best = charset_normalizer.from_bytes(data[:_GUESS_FROM], cp_isolation=_GUESSES).best()
    return best.encoding if best is not None else _WESTERN


def _kind(paragraph: str) -> BlockKind:
    lines = paragraph.split("\n")
    return BlockKind.LIST if sum(map(bool, map(_BULLET.match, lines))) * 2 > len(lines) else BlockKind.PARAGRAPH
