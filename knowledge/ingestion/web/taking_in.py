"""Pages in the life of a document: its first stage brings the page; a sitemap brings documents of its own."""

from __future__ import annotations

import hashlib
from pathlib import Path, PurePath
from tempfile import NamedTemporaryFile, TemporaryFile
from typing import IO, Any

from django.conf import settings
from django.core.files import File
from django.core.files.base import ContentFile
from django.db import transaction

from billing.limits import limits_of
from knowledge.ingestion.indexing import library_changed, note_attempt, store_chunks
from knowledge.ingestion.jobs import Job
from knowledge.ingestion.readers.content import content_of
from knowledge.ingestion.uploads import Upload, document_key, known_media_type, store_upload
from knowledge.ingestion.web.addresses import Address, Rules, address_of
from knowledge.ingestion.web.connecting import Clock
from knowledge.ingestion.web.fetching import Fetcher
from knowledge.ingestion.web.media_types import file_name_for, in_utf8, is_readable, suffix_for
from knowledge.ingestion.web.robots import Robots
from knowledge.ingestion.web.sitemaps import SitePages, pages_of
from knowledge.models import Document, IngestionAttempt
from knowledge.recipe import recipe_of
from knowledge.types import ParsedDocument
from tenants.selectors import base_url

SITEMAP_PATIENCE = 4  # times what one page may take, for a sitemap and all it names: a worker waits meanwhile


def rules() -> Rules:
    return Rules(frozenset(settings.VENA_WEB_PORTS), tuple(settings.VENA_WEB_ALLOWED_NETWORKS))


def fetcher_for(job: Job) -> Fetcher:
    return Fetcher(
        rules=rules(),
        most_bytes=min(settings.VENA_WEB_MAX_BYTES, limits_of(job.library.tenant.id).max_bytes),
        seconds=settings.VENA_WEB_MAX_SECONDS,
        home=f"{base_url(settings.VENA_BASE_DOMAIN)}/",
        check=job.check,
    )


# -- one page -------------------------------------------------------------------------------------


def upload_of(address: Address, *, title: str = "", page_limit: int | None = None, **facts: Any) -> Upload:
    """A sitemap is another document than the page at the same address."""
    return Upload(
        key=document_key(url=address.url if page_limit is None else f"sitemap:{address.url}"),
        name=file_name_for(address.path, address.host, ""),
        title=title or address.url,
        source_url=address.url,
        page_limit=page_limit,
        **facts,
    )


def bring_page(job: Job) -> bool:
    """Fetch the page into the version; False where it is what readers have: see `leave_as_it_is`.

    A kill before the row knows of the file leaves a file for the reconcile, and the page is fetched again.
    """
    fetcher = fetcher_for(job)
    address = address_of(job.document.source_url, fetcher.rules)
    with NamedTemporaryFile() as file:
        fetched = fetcher.fetch(address, file, is_wanted=is_readable, permit=Robots(fetcher).permit)
        suffix = suffix_for(content_of(Path(file.name)), fetched.media_type, fetched.address.path)
        name = file_name_for(fetched.address.path, fetched.address.host, suffix)
        page: File[bytes] = File(file, name=name)
        sha256 = fetched.sha256
        if fetched.charset not in ("", "utf-8", "utf8") and known_media_type(name).startswith("text/"):
            file.seek(0)
            data = in_utf8(file.read(), fetched.charset)
            page, sha256 = ContentFile(data, name=name), hashlib.sha256(data).hexdigest()
        if is_current(job, sha256):
            return False
        keep(job, page, name, sha256)
        return True


def is_current(job: Job, sha256: str) -> bool:
    current = job.document.current
    return bool(
        current
        and current.pk != job.version.pk
        and current.sha256 == sha256
        and current.recipe == recipe_of(job.document.collection)
    )


@transaction.atomic
def leave_as_it_is(job: Job) -> None:
    """The version that was made for the fetch goes; what readers see stays."""
    current = job.document.current
    job.update(newest=current, state=Document.State.READY, lease=None, lease_expires_at=None, interruptions=0)
    note_attempt(job.document, current, IngestionAttempt.Outcome.UNCHANGED, **job.figures())
    job.version.delete()


def keep(job: Job, page: File[bytes], name: str, sha256: str) -> None:
    version = job.version
    page.seek(0)
    version.file.save(name, page, save=False)
    version.file_name, version.media_type = name, known_media_type(name)
    version.size, version.sha256, version.recipe = page.size, sha256, recipe_of(job.document.collection)
    try:
        with transaction.atomic():
            job.update()
            version.save(update_fields=["file", "file_name", "media_type", "size", "sha256", "recipe"])
    except Exception:
        version.file.delete(save=False)
        raise


def entitle(job: Job, parsed: ParsedDocument) -> None:
    """A page that nobody named takes its own title, else its file's name."""
    document = job.document
    if document.source_url and document.title == document.source_url[:255]:
        own = parsed.title if job.version.media_type == "text/html" else ""
        document.title = (" ".join(own.split()) or PurePath(job.version.file_name).stem)[:255]
        job.update(title=document.title)


# -- a sitemap ------------------------------------------------------------------------------------


def bring_pages(job: Job) -> bool:
    """Put the sitemap's pages in line, each a document below this one; False where it names the same ones as before.

    Pages it no longer names are deleted, unless it was not read to its end.
    """
    site = site_of(job)
    keys = [queue_page(job, page) for page in site.pages]
    if site.is_whole:
        gone = job.document.parts.exclude(key__in=keys).exclude(state=Document.State.DELETING)
        if gone.update(state=Document.State.DELETING, lease=None, lease_expires_at=None):  # the watchdog removes them
            library_changed()
    version = job.version
    version.sha256 = hashlib.sha256("\n".join(keys).encode()).hexdigest()
    if is_current(job, version.sha256):
        return False
    version.recipe = recipe_of(job.document.collection)
    version.save(update_fields=["sha256", "recipe"])
    store_chunks(job, [], page_count=None, part_count=len(keys))
    return True


def site_of(job: Job) -> SitePages:
    fetcher = fetcher_for(job)
    start = address_of(job.document.source_url, fetcher.rules)
    robots, clock = Robots(fetcher), Clock(fetcher.seconds * SITEMAP_PATIENCE, job.check)

    def fetch(address: Address) -> tuple[Address, IO[bytes]]:
        file = TemporaryFile()
        try:
            fetched = fetcher.fetch(address, file, is_wanted=lambda media_type: True, permit=robots.permit, clock=clock)
        except BaseException:
            file.close()
            raise
        job.update()  # a large site takes long, and gets on
        return fetched.address, file

    limit = min(job.document.page_limit or 1, limits_of(job.library.tenant.id).max_parts)
    return pages_of(start, fetch, fetcher.rules, limit=limit, most_bytes=fetcher.most_bytes)


def queue_page(job: Job, page: Address) -> str:
    job.check()
    upload = upload_of(
        page,
        tags=job.document.tags,
        dated=job.document.dated,
        parent=job.document,
        person=job.version.created_by,
        person_label=job.version.created_by_label,
    )
    document, _ = store_upload(
        schema_name=job.schema_name, collection=job.document.collection, upload=upload, file=None
    )
    return str(document.key)
