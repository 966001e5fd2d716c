from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from knowledge.providers.loops import run_in_loop
from knowledge.providers.registry import vector_index
from tenants.models import DeletionReceipt, Organisation
from tenants.schemas import schema_drop


@pytest.fixture
def newcomers(live: None) -> Iterator[None]:
    """What sign-ups of a test made in other stores goes with it."""
    yield
    for organisation in Organisation.objects.exclude(slug__in=["acme", "globex"]):
        run_in_loop(vector_index().drop(organisation.key))
        schema_drop(organisation.schema_name)
    DeletionReceipt.objects.all().delete()


@pytest.fixture
def broken_views(settings: Any) -> None:
    """An organisation's host with views that fail in every way."""
    settings.ROOT_URLCONF = "vena_platform.tests.broken_urls"


@pytest.fixture
def owner(acme: Organisation, make_person: Any, on_host: Any) -> Any:
    """A browser of acme's owner."""
    make_person(acme, "owner@acme.example", "owner")
    host = on_host(acme)
    host.sign_in("owner@acme.example")
    return host
