"""A parsed document becomes chunks: structure decides first, size second. Pure, deterministic, no overlap.

Blocks are cut into pieces that each fit into a chunk; the pieces of one section are packed into chunks of like size.
The chunk texts joined by a blank line are the document's plain text, and a chunk's offsets point into it.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from knowledge.ingestion.places import Place, joined, merged, share_of
from knowledge.types import Block, BlockKind, Box, ChunkDraft, ParsedDocument

BETWEEN_CHUNKS = "\n\n"
_TEXT_BREAKS = ["\n\n", "\n", ". ", "? ", "! ", "。", "！", "？", "; ", "；", ", ", "，", " ", ""]
_UNBROKEN = re.compile(r"[^\s。！？；，]{1000}")
_CHARACTERS_A_TOKEN = 10  # at most; a tokenizer may count a long run of characters as one unknown word
_LABEL_SHARE = 3  # title and headings may take a third of a chunk, the text gets the rest

CountTokens = Callable[[str], int]


def chunk_document(
    parsed: ParsedDocument, *, title: str, count_tokens: CountTokens, target_tokens: int = 200, max_tokens: int = 220
) -> list[ChunkDraft]:
    """Chunks whose `embedding_text` counts at most `max_tokens`; no text is lost, none is repeated.

    One repetition is meant: each part of a table that had to be split starts with the table's header row.
    """
    title = " ".join(title.split())
    sizes = _Sizes(count_tokens, target=target_tokens, most=max_tokens)
    drafts: list[ChunkDraft] = []
    occurrences: Counter[str] = Counter()
    start = 0
    for number, section in enumerate(_sections(parsed.blocks)):
        for cut in _Packer(section, title, sizes).chunks():
            known = occurrences[cut.content_hash]
            draft = _draft(cut, section.path, position=len(drafts), start=start, section=number, occurrence=known)
            drafts.append(draft)
            occurrences[cut.content_hash] += 1
            start = draft.char_end + len(BETWEEN_CHUNKS)
    return drafts


def preload() -> None:
    """Import what the first long text would wait for: up to a second, and up to 40 MB."""
    import langchain_text_splitters  # noqa: F401


# -- sections -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Section:
    """What stands under one heading, that heading's own block (and any directly before it) included."""

    path: tuple[str, ...]
    blocks: tuple[Block, ...]


def _sections(blocks: Sequence[Block]) -> Iterator[_Section]:
    """A heading opens a section; headings right after each other share one, so that none stands alone.

    A block with another name than the one before it opens one too.
    """
    path: list[tuple[int, str]] = []
    current: list[Block] = []
    for block in blocks:
        if not block.text.strip():
            continue
        if current and _opens(block, current[-1]):
            yield _section(path, current)
            current = []
        if block.kind is BlockKind.HEADING:
            path = [(level, name) for level, name in path if level < block.level]
            path.append((block.level, " ".join(block.text.split())))
        current.append(block)
    if current:
        yield _section(path, current)


def _opens(block: Block, before: Block) -> bool:
    if before.kind is BlockKind.HEADING:
        return False
    return block.kind is BlockKind.HEADING or block.name != before.name


def _section(path: Sequence[tuple[int, str]], blocks: Sequence[Block]) -> _Section:
    names = [name for _, name in path]
    named = blocks[-1].name
    return _Section((*names, named) if named and named not in names[-1:] else tuple(names), tuple(blocks))


# -- pieces ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Piece:
    """Text that stays together."""

    text: str
    tokens: int
    page: int | None
    glue: str = BETWEEN_CHUNKS  # stands between it and the piece before it in the same chunk
    repeated: str = ""  # a table's header row, for a chunk that starts with this piece
    heading: str = ""  # the name this piece has in the heading path
    together: int = 0  # first piece of a block: the tokens of the whole block
    place: Place | None = None
    boxes: tuple[Box, ...] = ()


class _Sizes:
    """Counts tokens, each text once. Splits text that is too long."""

    def __init__(self, count_tokens: CountTokens, *, target: int, most: int) -> None:
        self.target, self.most = target, most
        self._count_tokens = count_tokens
        self._frame = count_tokens("")  # special tokens, once a text
        self._counts: dict[str, int] = {}
        word = self.of("a")
        self.glue = max(0, self.of(f"a{BETWEEN_CHUNKS}a") - 2 * word)

    def of(self, text: str) -> int:
        """Tokens without the frame, so that the sizes of parts add up."""
        if text not in self._counts:
            self._counts[text] = self._measured(text)
        return self._counts[text]

    def fits(self, embedding_text: str) -> bool:
        return self._frame + self._measured(embedding_text) <= self.most

    def room(self, label: str, tokens: int) -> int:
        """What is left for text in a chunk of `tokens`."""
        return max(1, tokens - self._frame - self.of(label) - self.glue)

    def split(self, text: str, tokens: int) -> list[str]:
        # Imported here: it weighs 35 MB, and most processes only ask questions.
        from langchain_text_splitters import RecursiveCharacterTextSplitter

        splitter = RecursiveCharacterTextSplitter(
            chunk_size=max(1, tokens),
            chunk_overlap=0,
            length_function=self._measured,
            separators=_TEXT_BREAKS,
            keep_separator="end",
        )
        return [part for part in splitter.split_text(_UNBROKEN.sub(r"\g<0> ", text)) if part.strip()] or [text]

    def _measured(self, text: str) -> int:
        return max(self._count_tokens(text) - self._frame, len(text) // _CHARACTERS_A_TOKEN)


def _pieces(block: Block, sizes: _Sizes, *, room: int, most: int) -> list[_Piece]:
    text = fenced(block) if block.kind is BlockKind.CODE else block.text.strip()
    name = " ".join(text.split()) if block.kind is BlockKind.HEADING else ""
    is_long = len(text) // _CHARACTERS_A_TOKEN > most  # then its tokens need not be counted
    tokens = most + 1 if is_long else sizes.of(text)
    if tokens <= most:
        place = Place.of(block.place)
        return [_Piece(text, tokens, block.page, heading=name, together=tokens, place=place, boxes=block.boxes)]
    if block.kind in (BlockKind.TABLE, BlockKind.LIST, BlockKind.CODE):
        return _LinePieces(block, text, sizes, room=room, most=most).pieces()
    return _text_pieces(_Piece(text, tokens, block.page, place=Place.of(block.place), boxes=block.boxes), sizes, room)


def _text_pieces(whole: _Piece, sizes: _Sizes, room: int) -> list[_Piece]:
    """A piece that is too long, in parts; each has the share of the boxes that its text has of the whole."""
    parts = sizes.split(whole.text, room)
    length, start = sum(map(len, parts)), 0
    pieces: list[_Piece] = []
    for part in parts:
        boxes = share_of(whole.boxes, start / length, (start + len(part)) / length)
        glue = " " if pieces else whole.glue
        pieces.append(replace(whole, text=part, tokens=sizes.of(part), glue=glue, repeated="", boxes=boxes))
        start += len(part)
    return pieces


class _LinePieces:
    """A table, list or listing that is too long, line by line; blank lines only part."""

    def __init__(self, block: Block, text: str, sizes: _Sizes, *, room: int, most: int) -> None:
        self._block, self._sizes, self._room, self._most = block, sizes, room, most
        self._lines = text.split("\n")
        self._place = Place.of(block.place)
        header = _header(self._lines) if block.kind in (BlockKind.TABLE, BlockKind.CODE) else ""
        self._header_lines = header.count("\n") + 1 if header else 0
        self._header = header if sizes.of(header) <= room // 3 else ""
        self._closing_lines = 1 if block.kind is BlockKind.CODE else 0

    def pieces(self) -> list[_Piece]:
        found: list[_Piece] = []
        start, glue = 0, BETWEEN_CHUNKS
        if self._header:
            found.append(_Piece(self._header, self._sizes.of(self._header), self._block.page, boxes=self._boxes(0)))
            start, glue = self._header_lines, "\n"
        for index in range(start, len(self._lines)):
            if not self._lines[index].strip():
                glue = BETWEEN_CHUNKS
                continue
            found += self._line(index, glue)
            glue = "\n"
        return found

    def _line(self, index: int, glue: str) -> list[_Piece]:
        line = self._lines[index]
        is_long = len(line) // _CHARACTERS_A_TOKEN > self._most
        tokens = self._most + 1 if is_long else self._sizes.of(line)
        place, boxes = self._place_of(index), self._boxes(index)
        piece = _Piece(line, tokens, self._block.page, glue, self._header, place=place, boxes=boxes)
        if tokens <= self._most - self._sizes.of(self._header):
            return [piece]
        return _text_pieces(piece, self._sizes, self._room)

    def _place_of(self, index: int) -> Place | None:
        """Of a sheet's row or a line of code: that row or line alone, if the block says which ones it holds."""
        number, count = index - self._header_lines, len(self._lines) - self._header_lines - self._closing_lines
        if self._place is None or self._place.count != count:
            return self._place
        return self._place.only(number) if 0 <= number < count else None

    def _boxes(self, index: int) -> tuple[Box, ...]:
        return share_of(self._block.boxes, index / len(self._lines), (index + 1) / len(self._lines))


def fenced(block: Block) -> str:
    """Code between Markdown fences that it does not hold itself: whoever shows or reads the chunk sees it is code."""
    code = block.text.strip("\n")
    longest = max((len(run) for run in re.findall(r"`{3,}", code)), default=2)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{block.language}\n{code}\n{fence}"


def _header(lines: Sequence[str]) -> str:
    """What each part of a split block repeats: a Markdown table's header row and rule, the opening fence of code."""
    if lines[0].startswith("```"):
        return lines[0]
    is_table = len(lines) > 2 and set(lines[1].strip()) <= set("|-: ") and "-" in lines[1]
    return "\n".join(lines[:2]) if is_table else ""


# -- packing --------------------------------------------------------------------------------------


class _Cut:
    """The pieces of one chunk, and the texts they make together."""

    __slots__ = ("content_hash", "embedding_text", "pieces", "text")

    def __init__(self, pieces: list[_Piece], text: str, embedding_text: str) -> None:
        self.pieces, self.text, self.embedding_text = pieces, text, embedding_text
        self.content_hash = hashlib.sha256(embedding_text.encode()).hexdigest()


class _Packer:
    """Fills one section's chunks: as few as its size allows, and of like size."""

    def __init__(self, section: _Section, title: str, sizes: _Sizes) -> None:
        self._section, self._title, self._sizes = section, title, sizes
        self._labels: dict[tuple[str, ...], str] = {}
        label = self._label(section.path)
        self._room, self._most = sizes.room(label, sizes.target), sizes.room(label, sizes.most)

    def chunks(self) -> Iterator[_Cut]:
        pieces = [
            piece
            for block in self._section.blocks
            for piece in _pieces(block, self._sizes, room=self._room, most=self._most)
        ]
        left = sum(piece.tokens + self._sizes.glue for piece in pieces)
        current: list[_Piece] = []
        used, aim = 0, self._aim(left)
        for piece in pieces:
            if current and self._closes_before(piece, used, aim):
                yield from self._fitted(current)
                current, left = [], left - used
                used, aim = self._sizes.of(piece.repeated), self._aim(left)
            current.append(piece)
            used += piece.tokens + self._sizes.glue
        if current:
            yield from self._fitted(current)

    def _aim(self, tokens: int) -> float:
        if tokens <= self._most:
            return self._most
        return tokens / math.ceil(tokens / self._room)

    def _closes_before(self, piece: _Piece, used: int, aim: float) -> bool:
        if used + piece.tokens > self._most:
            return True
        would_tear = used + piece.together > self._most
        return used + piece.tokens / 2 > aim or (would_tear and used > aim / 4)

    def _fitted(self, pieces: list[_Piece]) -> Iterator[_Cut]:
        """Sizes of parts need not add up with every tokenizer: what turns out too long is halved."""
        cut = self._cut(pieces)
        if self._sizes.fits(cut.embedding_text) or len(cut.text) < 2:
            yield cut
            return
        for half in self._halves(pieces):
            yield from self._fitted(half)

    def _cut(self, pieces: list[_Piece]) -> _Cut:
        """Title and headings in front of the text; headings that the text shows itself are not said twice."""
        text, shown = _text(pieces), {piece.heading for piece in pieces}
        label = self._label(tuple(name for name in self._section.path if name not in shown))
        return _Cut(pieces, text, f"{label}{BETWEEN_CHUNKS}{text}" if label else text)

    def _label(self, names: tuple[str, ...]) -> str:
        if names not in self._labels:
            self._labels[names] = _label(self._title, names, self._sizes)
        return self._labels[names]

    def _halves(self, pieces: list[_Piece]) -> list[list[_Piece]]:
        if len(pieces) > 1:
            middle = len(pieces) // 2
            return [pieces[:middle], pieces[middle:]]
        piece = pieces[0]
        parts = self._sizes.split(piece.text, piece.tokens // 2)
        if len(parts) < 2:
            middle = len(piece.text) // 2
            parts = [part for part in (piece.text[:middle], piece.text[middle:]) if part.strip()]
        return [[replace(piece, text=part, tokens=self._sizes.of(part), repeated="", heading="")] for part in parts]


# -- drafts ---------------------------------------------------------------------------------------


def _draft(cut: _Cut, path: tuple[str, ...], *, position: int, start: int, section: int, occurrence: int) -> ChunkDraft:
    pages = [piece.page for piece in cut.pieces if piece.page is not None]
    return ChunkDraft(
        position=position,
        text=cut.text,
        embedding_text=cut.embedding_text,
        heading_path=path,
        page=min(pages, default=None),
        last_page=max(pages, default=None),
        char_start=start,
        char_end=start + len(cut.text),
        content_hash=cut.content_hash,
        occurrence=occurrence,
        section=section,
        boxes=merged(box for piece in cut.pieces for box in piece.boxes),
        place=joined(piece.place for piece in cut.pieces if piece.place is not None),
    )


def _text(pieces: Sequence[_Piece]) -> str:
    first = pieces[0]
    start = f"{first.repeated}\n{first.text}" if first.repeated else first.text
    return start + "".join(piece.glue + piece.text for piece in pieces[1:]) + _closing(pieces[-1])


def _closing(last: _Piece) -> str:
    """The end of the fence that a cut through code leaves open."""
    fence = "`" * (len(last.repeated) - len(last.repeated.lstrip("`")))
    return f"\n{fence}" if fence and last.text != fence else ""


def _label(title: str, path: Sequence[str], sizes: _Sizes) -> str:
    """Title and headings within their share of a chunk: outer headings go first, then the title's end."""
    most = sizes.most // _LABEL_SHARE
    names = [title, *(name for name in path if name != title)] if title else list(path)
    while len(names) > 2 and sizes.of(" > ".join(names)) > most:
        del names[1]
    label = " > ".join(names)
    while label and (tokens := sizes.of(label)) > most:
        label = label[: min(len(label) - 1, len(label) * most // tokens)].rstrip()
    return label
