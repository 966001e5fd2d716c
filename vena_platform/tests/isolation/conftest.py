from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
from django.conf import settings
from django.utils import timezone
from model_bakery import baker

from billing.models import Budget, Invoice, InvoiceFile, ReportSchedule, SpendAnomaly
from conftest import Host, organisation, wipe
from tenants.models import DomainClaim, Organisation, SupportGrant
from vena_platform.isolation.evidence import table_checksums
from vena_platform.tests.isolation.rows import World, make_world
from vena_platform.tests.isolation.rows_special import PASSWORD, SPECIAL


class Worlds(NamedTuple):
    """`ours` tries; `theirs` must not notice, and what it holds must not be seen."""

    ours: World
    theirs: World


@pytest.fixture(scope="package")
def worlds(django_db_setup: None, django_db_blocker: Any) -> Iterator[Worlds]:
    """Committed, since some views look from threads of their own. What a test changes is rolled back by `db`."""
    with django_db_blocker.unblock():
        yield Worlds(full(organisation("acme"), 1000), full(organisation("globex"), 5000))
        wipe()


def full(one: Organisation, first_number: int) -> World:
    marker = f"only-{one.slug}-7f3a91"
    world = make_world(one, marker, SPECIAL, first_number)
    world.rows["billing.Budget"] = baker.make(
        Budget, organisation=one, subject_label=marker, contact=marker, amount_gbp=5, period="monthly"
    )
    world.rows["billing.SpendAnomaly"] = baker.make(
        SpendAnomaly, organisation=one, subject=marker, label=marker, day=timezone.now().date(), seen_at=None
    )
    world.rows["billing.ReportSchedule"] = baker.make(
        ReportSchedule, organisation=one, report="member", formats=["csv"]
    )
    world.rows["tenants.DomainClaim"] = DomainClaim.objects.create(organisation=one, host=f"chat.{marker}.com")
    world.rows["tenants.SupportGrant"] = SupportGrant.objects.create(organisation=one, reason=marker, minutes=15)
    world.rows["billing.Invoice"] = closed_invoice(one, marker)
    return world


def closed_invoice(one: Organisation, marker: str) -> Invoice:
    month = timezone.now().date().replace(day=1, year=2020)
    row: Invoice = baker.make(
        Invoice,
        organisation_id=one.pk,
        organisation_label=marker,
        month=month,
        number=f"{marker}-1",
        state="closed",
        issued_on=month,
    )
    InvoiceFile.objects.create(invoice=row, content=marker.encode(), sha256="")
    return row


@pytest.fixture(scope="package")
def sessions(worlds: Worlds, django_db_blocker: Any) -> dict[World, str]:
    """Of the organisations' owners, who may do everything there."""
    found = {}
    with django_db_blocker.unblock():
        for world in worlds:
            host = Host(world.organisation)
            assert host.sign_in("owner@example.org", PASSWORD).status_code == 302
            found[world] = host.cookies[settings.SESSION_COOKIE_NAME].value
            world.checksums = table_checksums(world.organisation.schema_name)
    return found


@pytest.fixture
def signed_in(db: None, sessions: dict[World, str]) -> Callable[[World], Host]:
    def browser(world: World) -> Host:
        host = Host(world.organisation)
        host.raise_request_exception = False
        host.cookies[settings.SESSION_COOKIE_NAME] = sessions[world]
        return host

    return browser
