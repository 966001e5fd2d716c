"""Rows into PostgreSQL by COPY, which spares the ORM's work on every value of every row."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import connection
from psycopg.types.json import Jsonb

from knowledge.models import Chunk

_COPY = """
COPY knowledge_chunk (
    document_id, version_id, point_id, position, section, text, embedding_text, context, heading_path, page, last_page,
    boxes, place, char_start, char_end, content_hash
) FROM STDIN
"""


def copy_in(chunks: Iterable[Chunk]) -> None:
    """Store new chunks in the organisation's schema, inside the transaction that runs. They don't learn their keys."""
    with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
        for one in chunks:
            copy.write_row(
                (
                    one.document_id,
                    one.version_id,
                    one.point_id,
                    one.position,
                    one.section,
                    one.text,
                    one.embedding_text,
                    one.context,
                    one.heading_path,
                    one.page,
                    one.last_page,
                    Jsonb(one.boxes),
                    one.place,
                    one.char_start,
                    one.char_end,
                    one.content_hash,
                )
            )
