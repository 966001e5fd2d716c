"""Which documents one turn takes in together: small new files whose reading is short by their size alone."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

from django.conf import settings

from knowledge.ingestion.readers.kinds import KIND_OF, Kind
from knowledge.models import Document

SMALL = 64 * 1024  # bytes
# Nothing inside them becomes a document of its own, and nothing is unpacked.
PLAIN = frozenset(
    [
        *(Kind.MARKDOWN, Kind.HTML, Kind.TEXT, Kind.CODE, Kind.CSV, Kind.TSV),
        *(Kind.JSON, Kind.YAML, Kind.TOML, Kind.XML),
    ]
)


def companions(rows: Sequence[Document], most: int) -> list[Document]:
    """Of the documents that wait, oldest first: the first, and those after it that may share its transactions and its
    calls of the embedding model. A call has one payer, so they have one uploader."""
    if not rows:
        return []
    first, *others = rows
    if not is_light(first):
        return [first]
    alike = [first, *(one for one in others if is_light(one) and payer_of(one) == payer_of(first))][:most]
    room = settings.VENA_INGESTION_GROUP_BYTES
    totals = running_totals(alike)
    return [
        one for one, _ in takewhile(lambda pair: pair[0] is first or pair[1] <= room, zip(alike, totals, strict=True))
    ]


def is_light(document: Document) -> bool:
    """A small text file on its first try, waiting to be read. One that was tried before goes alone: whatever ended
    its worker must not end its companions'."""
    version = document.newest
    return (
        version is not None
        and bool(version.file)
        and version.chunked_at is None
        and version.size <= SMALL
        and document.attempts == 0
        and not document.source_url
        and not document.collection.is_contextual
        and kind_of(version.file_name) in PLAIN
    )


def kind_of(file_name: str) -> Kind | None:
    return KIND_OF.get("." + file_name.rpartition(".")[2].lower())


def payer_of(document: Document) -> tuple[object, str]:
    version = document.newest
    return (version.created_by_id, version.created_by_label) if version else (None, "")


def running_totals(documents: Sequence[Document]) -> list[int]:
    total, totals = 0, []
    for document in documents:
        total += document.newest.size if document.newest else 0
        totals.append(total)
    return totals
