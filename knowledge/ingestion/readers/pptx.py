"""PowerPoint: every slide is a page with its title as heading, its texts, tables and figures, and its notes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pptx
from pptx.enum.shapes import PP_PLACEHOLDER
from pptx.exc import PackageNotFoundError

from knowledge.errors import DamagedDocument, DocumentTooLarge
from knowledge.ingestion.readers.packages import check_package, damage_named
from knowledge.ingestion.readers.source import Source
from knowledge.ingestion.readers.tables import markdown_table
from knowledge.ingestion.readers.text import cleaned
from knowledge.types import Block, BlockKind, ParsedDocument

_DEEPEST = 20  # groups in groups
_AROUND = frozenset([PP_PLACEHOLDER.SLIDE_NUMBER, PP_PLACEHOLDER.FOOTER, PP_PLACEHOLDER.DATE])


def read_pptx(source: Source) -> ParsedDocument:
    check_package(source.path, source.limits)
    with damage_named():
        presentation = _opened(source)
        slides = list(presentation.slides)
        if len(slides) > source.limits.max_pages:
            raise DocumentTooLarge(detail=f"{len(slides)} slides")
        blocks = tuple(block for number, slide in enumerate(slides, start=1) for block in _slide(slide, number))
        title = cleaned(presentation.core_properties.title or "").strip()
    titles = (block.text for block in blocks if block.kind is BlockKind.HEADING)
    is_meant = title and title.lower() != "powerpoint presentation"  # what PowerPoint itself writes there
    return ParsedDocument(blocks, title=title if is_meant else next(titles, ""), page_count=len(slides))


def _opened(source: Source) -> Any:
    try:
        return pptx.Presentation(str(source.path))
    except PackageNotFoundError as error:
        raise DamagedDocument(detail=str(error)) from error


def _slide(slide: Any, number: int) -> Iterator[Block]:
    title = slide.shapes.title
    name = " ".join(cleaned(title.text_frame.text).split()) if title is not None else ""
    if name:
        yield Block(BlockKind.HEADING, name, page=number, level=1)
    for shape in _shapes(slide.shapes):
        if title is None or shape.shape_id != title.shape_id:
            yield from _shape(shape, number)
    if slide.has_notes_slide and slide.notes_slide.notes_text_frame is not None:
        notes = cleaned(slide.notes_slide.notes_text_frame.text).strip()
        if notes:
            yield Block(BlockKind.PARAGRAPH, f"Notes: {notes}", page=number)


def _shapes(shapes: Iterable[Any], depth: int = 0) -> Iterator[Any]:
    for shape in shapes:
        if hasattr(shape, "shapes"):
            if depth < _DEEPEST:
                yield from _shapes(shape.shapes, depth + 1)
        elif not (shape.is_placeholder and shape.placeholder_format.type in _AROUND):
            yield shape


def _shape(shape: Any, page: int) -> Iterator[Block]:
    if getattr(shape, "has_table", False):
        rows = [[cleaned(cell.text) for cell in row.cells] for row in shape.table.rows]
        kind, text = BlockKind.TABLE, markdown_table(rows)
    elif getattr(shape, "has_chart", False):
        kind, text = BlockKind.TABLE, _chart(shape.chart)
    elif shape.has_text_frame:
        kind, text = _text(shape.text_frame)
    else:
        return
    if text.strip():
        yield Block(kind, text, page=page)


def _text(frame: Any) -> tuple[BlockKind, str]:
    """Several paragraphs are points, whatever sign the design puts in front of them."""
    paragraphs = [(paragraph.level, cleaned(paragraph.text).strip()) for paragraph in frame.paragraphs]
    paragraphs = [(level, text) for level, text in paragraphs if text]
    if len(paragraphs) < 2:
        return BlockKind.PARAGRAPH, "".join(text for _, text in paragraphs)
    lines = (f"{'  ' * level}- {' '.join(text.split())}" for level, text in paragraphs)
    return BlockKind.LIST, "\n".join(lines)


def _chart(chart: Any) -> str:
    plot = next(iter(chart.plots), None)
    if plot is None:
        return ""
    series = [(cleaned(line.name or ""), list(line.values)) for line in plot.series]
    rows = [["", *(name for name, _ in series)]]
    for index, category in enumerate(plot.categories):
        values = [values[index] if index < len(values) else None for _, values in series]
        rows.append([cleaned(str(category)), *("" if value is None else f"{value:g}" for value in values)])
    return markdown_table(rows)
