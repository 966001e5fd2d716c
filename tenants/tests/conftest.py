from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tenants.models import Domain, Organisation, host_of, schema_of
from tenants.schemas import schema_create, schema_drop


@pytest.fixture
def make_committed(live: None) -> Iterator[Callable[[str], Organisation]]:
    """Organisations beside acme and globex that other connections see; their schemas are dropped after the test."""
    made: list[Organisation] = []

    def make(slug: str) -> Organisation:
        organisation: Organisation = Organisation.objects.create(
            name=slug.title(), slug=slug, schema_name=schema_of(slug), state=Organisation.State.ACTIVE
        )
        made.append(organisation)
        Domain.objects.create(domain=host_of(slug), tenant=organisation)
        schema_create(organisation.schema_name)
        return organisation

    yield make
    for organisation in made:
        schema_drop(organisation.schema_name)
