"""Two organisations with an index, and files small enough to ingest in every test."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from accounts.models import User
from knowledge.actions import document_upload
from knowledge.models import Collection, Document
from knowledge.providers.loops import run_in_loop
from knowledge.providers.registry import vector_index
from knowledge.selectors import library_of
from tenants.context import entered
from tenants.models import Organisation

Upload = Callable[..., Document]

HANDBOOK = b"""# Handbook

## Holidays
Every person has 28 days of annual leave after five years of service.

## Expenses
A hotel in Edinburgh may cost 150 pounds a night, and 195 pounds during a trade fair.
"""


@pytest.fixture
def upload(ready_index: Callable[[Organisation], None]) -> Upload:
    """Upload into the organisation's only collection; tasks run at once, so the document comes back settled."""

    def run(
        organisation: Organisation,
        content: bytes = HANDBOOK,
        name: str = "handbook.md",
        by: User | None = None,
        collection: str = "Documents",
        **facts: Any,
    ) -> Document:
        ready_index(organisation)
        with entered(organisation.schema_name):
            group, _ = Collection.objects.get_or_create(name=collection)
            document = document_upload(
                schema_name=organisation.schema_name,
                collection=group,
                uploaded_by=by,
                file=SimpleUploadedFile(name, content),
                **facts,
            )
            return Document.objects.select_related("current", "newest", "collection").get(pk=document.pk)

    return run


def points(organisation: Organisation, document: Document | None = None) -> set[Any]:
    space = library_of(organisation).space
    return run_in_loop(vector_index().point_ids(space, document.pk if document else None))
