"""Files inside a file become documents of their own, in line like any other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from django.core.files import File

from knowledge.errors import IngestionError
from knowledge.ingestion.indexing import library_changed
from knowledge.ingestion.jobs import Job
from knowledge.ingestion.uploads import Upload, check_upload, document_key, store_upload
from knowledge.models import Document
from knowledge.types import Part

DEEPEST = 4  # archives in mails in archives ...


class PartsTooDeep(IngestionError):
    code = "parts_too_deep"
    message = "This file lies too deep inside other files. Unpack it, then upload it by itself."


def store_parts(job: Job, parts: Sequence[Part]) -> None:
    """Repeating it changes nothing: a part that is known with the same bytes stays as it is.

    Parts that the new version no longer holds are deleted with the version that held them.
    """
    if parts and depth_of(job.document) >= DEEPEST:
        raise PartsTooDeep(detail=job.document.key)
    if not parts and job.version.number == 1 and job.document.attempts == 1:
        return
    keys = [store_part(job, part) for part in parts]
    gone = job.document.parts.exclude(key__in=keys).exclude(state=Document.State.DELETING)
    if gone.update(state=Document.State.DELETING, lease=None, lease_expires_at=None):  # the watchdog removes them
        library_changed()


def store_part(job: Job, part: Part) -> str:
    upload = Upload(
        key=document_key(name=part.name, parent=job.document.pk),
        name=PurePosixPath(part.name).name[:255] or "part",
        title=part.name,
        tags=job.document.tags,
        dated=job.document.dated,
        parent=job.document,
        person=job.version.created_by,
        person_label=job.version.created_by_label,
    )
    problem = part_problem(job, upload.name, part.path)
    with part.path.open("rb") as stream:
        document, _ = store_upload(
            schema_name=job.schema_name,
            collection=job.document.collection,
            upload=upload,
            file=File(stream, name=upload.name),
            problem=problem,
        )
    return str(document.key)


def part_problem(job: Job, name: str, path: Path) -> IngestionError | None:
    """What an upload of this file by itself would have been refused for: here it is said beside the part."""
    try:
        check_upload(name, path.stat().st_size, job.library.tenant.id)
    except IngestionError as error:
        return error
    return None


def depth_of(document: Document) -> int:
    depth, parent = 0, document.parent
    while parent is not None:
        depth, parent = depth + 1, parent.parent
    return depth
