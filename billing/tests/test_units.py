"""What has no tokens is counted in units, and priced by them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

from django.core.files.base import ContentFile

from billing.corrections import event_take_back
from billing.metering import record_usage
from billing.models import ExchangeRate, ModelPrice, UsageEvent
from billing.prices import forget_quotes
from billing.types import UsageRecord
from knowledge.ingestion.storage import storage_meter
from knowledge.models import Collection, Document, DocumentVersion
from tenants.context import entered
from tenants.models import Organisation


def dear() -> Decimal:
    """A price for storage from today on, in pounds for a megabyte and day."""
    ModelPrice.objects.create(
        provider="platform",
        model="storage",
        valid_from=date.today(),  # noqa: DTZ011
        input_usd=Decimal(0),
        cached_input_usd=Decimal(0),
        output_usd=Decimal(0),
        unit_usd=Decimal("0.001"),
        source="our list",
    )
    forget_quotes()
    rate = ExchangeRate.objects.order_by("-valid_from").first()
    assert rate is not None
    return Decimal("0.001") * rate.gbp_per_usd


def test_units_cost_their_price_and_are_taken_back_with_the_row(call: Callable[..., UsageRecord]) -> None:
    price = dear()
    record = call(
        kind="storage",
        provider="platform",
        model="storage",
        quantity=250,
        input_tokens=0,
        cached_input_tokens=0,
        output_tokens=0,
    )
    assert record_usage([record]) == (250 * price).quantize(Decimal("0.00000001"))
    row = UsageEvent.objects.get()
    counter = event_take_back(row, reason="a test")
    assert (counter.quantity, counter.cost_gbp) == (-250, -row.cost_gbp)


def test_storage_is_metered_once_a_day_for_each_organisation(
    acme: Organisation, globex: Organisation, make_person: Any
) -> None:
    dear()
    for organisation, size in ((acme, 2_500_000), (globex, 0)):
        with entered(organisation.schema_name):
            collection = Collection.objects.create(name="Papers")
            if size:
                document = Document.objects.create(collection=collection, key="name:a", title="A")
                version = DocumentVersion(document=document, number=1, file_name="a.md", size=size)
                version.file.save("a.md", ContentFile(b"A"), save=False)
                version.save()
            assert storage_meter(organisation.key) == (3 if size else 0)
            storage_meter(organisation.key)
    row = UsageEvent.objects.get()
    assert (row.organisation_id, row.kind, row.quantity, row.member_id) == (acme.pk, "storage", 3, None)
    assert row.cost_gbp > 0
