"""What an answer's sentences rest on: from the pipeline's spans to stored citations and frames."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from chat import protocol
from chat.models import Citation, Source
from chat.protocol import Frame
from knowledge.types import Box, Passage, Support

SNIPPET = 1500  # characters of a passage that travel in a frame
LEAD = 200  # of them before the quote, at most


@dataclass(frozen=True, slots=True)
class Quote:
    """A sentence of the answer with the words that bear it out; as in `chat.models.Citation`."""

    start: int
    end: int
    text: str
    text_start: int | None
    text_end: int | None
    page: int | None
    support: float

    @property
    def frame(self) -> Frame:
        return protocol.quote(
            start=self.start,
            end=self.end,
            quote=self.text,
            quote_start=self.text_start,
            quote_end=self.text_end,
            page=self.page,
            support=self.support,
        )


def quotes_of(passage: Passage, supports: Iterable[Support]) -> list[Quote]:
    """Of all marks that name this passage, in the order of the answer."""
    return [_quote(passage, support) for support in supports if support.n == passage.n]


def _quote(passage: Passage, support: Support) -> Quote:
    start, end, offset = support.quote_start, support.quote_end, passage.char_start
    if start is None or end is None:
        return Quote(support.start, support.end, "", None, None, None, support.score)
    return Quote(
        start=support.start,
        end=support.end,
        text=passage.text[start:end],
        text_start=None if offset is None else offset + start,
        text_end=None if offset is None else offset + end,
        page=page_at(passage, (start + end) // 2),
        support=support.score,
    )


def page_at(passage: Passage, position: int) -> int | None:
    """The page of a character. A chunk that runs over the end of a page is divided as its boxes are."""
    if passage.page == passage.last_page or not passage.boxes:
        return passage.page
    wanted = position / max(1, len(passage.text)) * sum(map(_area, passage.boxes))
    for box in passage.boxes:
        wanted -= _area(box)
        if wanted <= 0:
            return box.page
    return passage.boxes[-1].page


def _area(box: Box) -> float:
    return (box.right - box.left) * (box.bottom - box.top)


def citation_row(n: int, quote: Quote) -> Citation:
    """Of the source with this number, whose key is not known yet."""
    return Citation(
        source_id=n,
        start=quote.start,
        end=quote.end,
        quote=quote.text.replace("\x00", ""),
        quote_start=quote.text_start,
        quote_end=quote.text_end,
        page=quote.page,
        support=quote.support,
    )


def quote_of(row: Citation) -> Quote:
    return Quote(row.start, row.end, row.quote, row.quote_start, row.quote_end, row.page, row.support)


def snippet_of(text: str, quotes: Sequence[Quote] = ()) -> str:
    """All of a short passage; of a long one what is around the quote that bears out most."""
    best = max((quote for quote in quotes if quote.text), key=lambda quote: quote.support, default=None)
    at = text.find(best.text) if best else 0
    if len(text) <= SNIPPET or at + len(best.text if best else "") <= SNIPPET:
        return text[:SNIPPET]
    start = max(text.rfind("\n", 0, at), text.rfind(". ", 0, at) + 1, at - LEAD) + 1
    return text[start : start + SNIPPET]


def passage_frame(passage: Passage, quotes: Sequence[Quote] | None = None) -> Frame:
    """`quotes` None: the answer does not cite it, or there is none yet."""
    return protocol.source(
        n=passage.n,
        document=passage.document_id,
        version=passage.version_number,
        title=passage.title,
        page=passage.page,
        snippet=snippet_of(passage.text, quotes or ()),
        position=passage.position,
        last_position=passage.last_position,
        quotes=None if quotes is None else [quote.frame for quote in quotes],
    )


def source_frame(row: Source) -> Frame:
    quotes = [quote_of(citation) for citation in row.citations.all()] if row.is_cited else None
    return protocol.source(
        n=row.n,
        document=row.document_id,
        version=row.version,
        title=row.title,
        page=row.page,
        snippet=snippet_of(row.snippet, quotes or ()),
        position=row.position,
        last_position=row.last_position,
        quotes=None if quotes is None else [quote.frame for quote in quotes],
    )
