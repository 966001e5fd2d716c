"""Many files of one request: one transaction and a few statements for all that are new, each with its own outcome."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.core.files import File
from django.db import IntegrityError, transaction

from billing.limits import limits_of
from knowledge.errors import StorageFull, TooManyDocuments
from knowledge.ingestion.turns import send_ticket
from knowledge.ingestion.uploads import (
    Change,
    Upload,
    is_same,
    new_document,
    organisation_id,
    placed,
    storage_left,
    store_upload,
    version_of_upload,
)
from knowledge.models import Collection, Document, DocumentVersion
from knowledge.recipe import recipe_of
from vena_platform.errors import VenaError

Outcome = tuple[Document, Change] | VenaError


@dataclass(frozen=True, slots=True, eq=False)
class Arrival:
    """A file that may come in, with the version it would be."""

    upload: Upload
    file: File[bytes]
    version: DocumentVersion


def store_uploads(
    *, schema_name: str, collection: Collection, uploads: Sequence[tuple[Upload, File[bytes]]]
) -> list[Outcome]:
    """What `store_upload` does for each of them, in their order. The same key twice is two versions."""
    arrivals = [Arrival(upload, file, version_of_upload(collection, upload, file)) for upload, file in uploads]
    known = known_documents(collection, [arrival.upload.key for arrival in arrivals])
    firsts = {arrival.upload.key: arrival for arrival in reversed(arrivals)}
    fresh = [
        arrival for arrival in arrivals if arrival.upload.key not in known and firsts[arrival.upload.key] is arrival
    ]
    outcomes = created_together(schema_name, collection, fresh) | unchanged(known, arrivals)
    return [outcomes.get(id(one)) or stored_alone(schema_name, collection, one) for one in arrivals]


def expected_changes(collection: Collection, files: Sequence[tuple[str, str]]) -> list[tuple[UUID | None, Change]]:
    """What the upload of each file, a key with the sha256 of its bytes, would change now; and its document, if known.
    One statement, however many files."""
    known, recipe = known_documents(collection, [key for key, _ in files]), recipe_of(collection)
    return [expected(known.get(key), DocumentVersion(sha256=sha256, recipe=recipe)) for key, sha256 in files]


def expected(known: Mapping[str, Any] | None, version: DocumentVersion) -> tuple[UUID | None, Change]:
    if known is None:
        return None, Change.CREATED
    return known["pk"], Change.UNCHANGED if is_same(known, version) else Change.VERSION


def known_documents(collection: Collection, keys: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    rows = Document.objects.filter(collection=collection, key__in=keys).exclude(state=Document.State.DELETING)
    found = rows.order_by().values("key", "pk", "state", "newest__sha256", "newest__recipe")
    return {row["key"]: row for row in found}


def unchanged(known: Mapping[str, Mapping[str, Any]], arrivals: Sequence[Arrival]) -> dict[int, Outcome]:
    """A later file of the same name may change it again, so only a name that comes once is settled here."""
    names = [arrival.upload.key for arrival in arrivals]
    same = {
        known[arrival.upload.key]["pk"]: arrival
        for arrival in arrivals
        if arrival.upload.key in known
        and names.count(arrival.upload.key) == 1
        and is_same(known[arrival.upload.key], arrival.version)
    }
    rows = Document.objects.select_related("newest", "current").order_by().in_bulk(list(same))
    return {id(arrival): (rows[pk], Change.UNCHANGED) for pk, arrival in same.items() if pk in rows}


def created_together(schema_name: str, collection: Collection, arrivals: Sequence[Arrival]) -> dict[int, Outcome]:
    outcomes: dict[int, Outcome] = {}
    room = room_left(schema_name, len(arrivals))
    outcomes |= {id(arrival): TooManyDocuments() for arrival in arrivals[room:]}
    fitting = stored_in(storage_left(schema_name) if arrivals else None, arrivals[:room])
    outcomes |= {id(arrival): StorageFull() for arrival in arrivals[:room] if arrival not in fitting}
    arrivals = fitting
    with kept_only_with_rows(arrivals):
        for arrival in arrivals:
            arrival.version.file.save(arrival.upload.name, arrival.file, save=False)
        try:
            documents = inserted(schema_name, collection, arrivals)
        except IntegrityError:  # somebody else took one of the names at this moment
            return outcomes | {id(one): placed_alone(schema_name, collection, one) for one in arrivals}
    return outcomes | {id(one): (document, Change.CREATED) for one, document in zip(arrivals, documents, strict=True)}


@transaction.atomic
def inserted(schema_name: str, collection: Collection, arrivals: Sequence[Arrival]) -> list[Document]:
    documents = [new_document(collection, one.upload, one.version) for one in arrivals]
    if documents:
        Document.objects.bulk_create(documents)
        DocumentVersion.objects.bulk_create(one.version for one in arrivals)
        transaction.on_commit(lambda: send_ticket(schema_name))
    return documents


def placed_alone(schema_name: str, collection: Collection, arrival: Arrival) -> Outcome:
    try:
        return placed(schema_name, collection, arrival.upload, arrival.version, None, is_known=False)
    except VenaError as error:
        arrival.version.file.delete(save=False)
        return error


def stored_in(left: int | None, arrivals: Sequence[Arrival]) -> Sequence[Arrival]:
    """Those that together have room in so many bytes: a small one may still fit after a large one that did not."""
    if left is None:
        return arrivals
    fitting = []
    for arrival in arrivals:
        if arrival.version.size <= left:
            left -= arrival.version.size
            fitting.append(arrival)
    return fitting


def room_left(schema_name: str, wanted: int) -> int:
    most = limits_of(organisation_id(schema_name)).max_documents
    if most is None or not wanted:
        return wanted
    return max(0, most - Document.objects.exclude(state=Document.State.DELETING).count())


def stored_alone(schema_name: str, collection: Collection, arrival: Arrival) -> Outcome:
    try:
        return store_upload(schema_name=schema_name, collection=collection, upload=arrival.upload, file=arrival.file)
    except VenaError as error:
        return error


@contextmanager
def kept_only_with_rows(arrivals: Sequence[Arrival]) -> Iterator[None]:
    """No row, no file."""
    try:
        yield
    except BaseException:
        for arrival in arrivals:
            if arrival.version.file:
                arrival.version.file.delete(save=False)
        raise
