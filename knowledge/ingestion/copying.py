"""Rows into PostgreSQL by COPY, which spares the ORM's work on every value of every row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from psycopg.types.json import Jsonb

from knowledge.models import Chunk, TextVectors

_COPY = """
COPY knowledge_chunk (
    document_id, version_id, point_id, position, section, text, embedding_text, context, heading_path, page, last_page,
    boxes, place, char_start, char_end, content_hash
) FROM STDIN
"""

_COPY_VECTORS = """
COPY knowledge_textvectors (embedding_version, content_hash, dense, tokens, created_at) FROM STDIN (FORMAT BINARY)
"""


def copy_vectors_in(rows: Sequence[TextVectors]) -> None:
    """Store vectors of new texts, inside the transaction that runs. Where another worker stored some of them at this
    moment, those are left as they are."""
    try:
        # Django translates the errors of its own calls; those at the end of a COPY come straight from psycopg.
        with (
            transaction.atomic(),
            connection.wrap_database_errors,
            connection.cursor() as cursor,
            cursor.copy(_COPY_VECTORS) as copy,
        ):
            copy.set_types(["varchar", "varchar", "bytea", "bytea", "timestamptz"])
            now = timezone.now()
            for one in rows:
                copy.write_row((one.embedding_version, one.content_hash, one.dense, one.tokens, now))
    except IntegrityError:
        TextVectors.objects.bulk_create(rows, ignore_conflicts=True, batch_size=500)


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
