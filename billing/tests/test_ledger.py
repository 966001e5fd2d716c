"""The ledger: appended once, never changed, never taken away."""

from __future__ import annotations

import logging
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.db import DatabaseError, IntegrityError, transaction
from django.db.models import ProtectedError
from django.utils import timezone

from accounts.audit.models import AuditEvent
from accounts.models import User
from accounts.permissions import Role
from billing.corrections import Tokens
from billing.metering import record_usage
from billing.models import ModelPrice, UsageEvent
from billing.prices import forget_quotes, quote
from billing.types import UsageRecord
from tenants.actions import organisation_pays_itself
from tenants.context import entered
from tenants.models import Organisation

Call = Callable[..., UsageRecord]


def rows() -> list[dict[str, Any]]:
    return [dict(row) for row in UsageEvent.objects.order_by("id").values()]


def test_a_call_becomes_one_row(call: Call, acme: Organisation) -> None:
    # given
    member, answer = uuid4(), uuid4()
    record = call(
        member_id=member, member_label="ada@example.org", subject=answer, outcome="stopped", is_estimated=True
    )
    # when
    cost = record_usage([record])
    # then
    (row,) = rows()
    price = quote("openai", "gpt-4o")
    assert row == {
        "id": row["id"],
        "created_at": row["created_at"],
        "idempotency_key": record.key,
        "organisation_id": acme.pk,
        "organisation_label": "org_acme",
        "member_id": member,
        "member_label": "ada@example.org",
        "group_ids": [],
        "group_id": None,
        "cost_centre": "",
        "api_key_id": None,
        "conversation_id": None,
        "collection_ids": [],
        "kind": "chat",
        "outcome": "stopped",
        "subject": answer,
        "provider": "openai",
        "model": "gpt-4o",
        "input_tokens": 1000,
        "cached_input_tokens": 400,
        "cache_write_tokens": 0,
        "output_tokens": 500,
        "is_estimated": True,
        "quantity": 0,
        "is_own_key": False,
        "price_id": price.price_id,
        "rate_id": price.rate_id,
        "cost_gbp": Decimal("0.00553000"),
        "corrects": None,
        "is_counter": False,
        "reason": "",
        "entered_by": "",
    }
    assert cost == Decimal("0.00553")


def test_a_repeated_write_is_harmless(call: Call) -> None:
    record = call()
    record_usage([record])
    before = rows()
    record_usage([record, call(key=record.key, output_tokens=9)])
    assert rows() == before


def test_calls_of_one_turn_cost_one_statement(call: Call, django_assert_num_queries: Any, settings: Any) -> None:
    settings.VENA_HOST_SECONDS = 60
    quote("openai", "gpt-4o")
    record_usage([call()])  # that nobody has given a budget is remembered
    with django_assert_num_queries(1):
        assert record_usage([call(), call()]) == 2 * Decimal("0.00553")
    assert len(rows()) == 3


def test_nothing_used_is_nothing_written(db: None, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        assert record_usage([]) == Decimal(0)


def test_it_is_kept_outside_the_organisation(call: Call, acme: Organisation) -> None:
    with entered(acme.schema_name):
        record_usage([call()])
    assert [row["organisation_id"] for row in rows()] == [acme.pk]


@pytest.mark.parametrize("change", [{"cost_gbp": 0}, {"member_label": ""}, {"output_tokens": 1}])
def test_the_database_refuses_a_change(call: Call, change: dict[str, Any]) -> None:
    record_usage([call(member_label="ada@example.org")])
    before = rows()
    with pytest.raises(DatabaseError, match="append only"), transaction.atomic():
        UsageEvent.objects.update(**change)
    assert rows() == before


def test_the_database_refuses_to_delete(call: Call) -> None:
    record_usage([call()])
    before = rows()
    for attempt in (UsageEvent.objects.all().delete, UsageEvent.objects.get().delete):
        with pytest.raises(DatabaseError, match="append only"), transaction.atomic():
            attempt()
    assert rows() == before


def test_it_outlives_the_organisation(call: Call, acme: Organisation) -> None:
    record_usage([call()])
    before = rows()
    Organisation.objects.filter(pk=acme.pk).delete()
    assert rows() == before


def test_a_price_that_was_used_can_not_be_deleted(call: Call) -> None:
    record_usage([call()])
    with pytest.raises(ProtectedError):
        ModelPrice.objects.filter(model="gpt-4o").delete()
    assert ModelPrice.objects.filter(model="gpt-4o").exists()


def test_a_new_price_changes_no_old_row(call: Call) -> None:
    # given
    record_usage([call()])
    before = rows()
    # when
    doubled = ModelPrice.objects.create(
        provider="openai",
        model="gpt-4o",
        valid_from=timezone.now().date(),
        input_usd=Decimal(5),
        cached_input_usd=Decimal("2.5"),
        output_usd=Decimal(20),
        source="test",
    )
    forget_quotes()
    record_usage([call()])
    # then
    old, new = rows()
    assert [old] == before
    assert (new["price_id"], new["cost_gbp"]) == (doubled.pk, 2 * old["cost_gbp"])


def test_an_unknown_price_is_recorded_as_unknown_and_told(call: Call, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "billing.metering"):
        assert record_usage([call(model="unheard-of")]) == 0
    (row,) = rows()
    assert (row["price_id"], row["rate_id"], row["cost_gbp"]) == (None, None, 0)
    assert (row["input_tokens"], row["output_tokens"]) == (1000, 500)
    assert [(line.message, line.__dict__["model"]) for line in caplog.records] == [("usage.unpriced", "unheard-of")]


def test_a_free_model_has_a_price_of_nothing(call: Call) -> None:
    record_usage([call(provider="local", model="extractive")])
    (row,) = rows()
    assert row["price_id"] is not None
    assert row["cost_gbp"] == 0


def test_more_cached_than_sent_is_a_providers_mistake_and_not_a_refund(call: Call) -> None:
    record_usage([call(input_tokens=100, cached_input_tokens=400, output_tokens=0)])
    (row,) = rows()
    assert (row["input_tokens"], row["cached_input_tokens"]) == (100, 100)
    assert row["cost_gbp"] == 100 * Decimal("1.25") * Decimal("0.79") / 1_000_000


@pytest.mark.parametrize(
    ("values", "rule"),
    [
        ({"cost_gbp": Decimal(-1)}, "cost_not_negative"),
        ({"input_tokens": 1, "cached_input_tokens": 2}, "cached_within_input"),
        ({"output_tokens": -1}, "tokens_not_negative"),
    ],
)
def test_the_database_refuses_nonsense(acme: Organisation, values: dict[str, Any], rule: str) -> None:
    with pytest.raises(IntegrityError, match=rule), transaction.atomic():
        UsageEvent.objects.create(organisation_id=acme.pk, **{"cost_gbp": Decimal(0), **values})
    assert rows() == []


# -- the operators' pages -------------------------------------------------------------------------


@pytest.fixture
def admin_books(call: Call, on_host: Any) -> Callable[[str], Any]:
    def open_books(model: str) -> Any:
        User.objects.create_superuser("operator@vena.example", "correct horse battery")
        host = on_host(None)
        host.sign_in("operator@vena.example")
        record_usage([call()])
        row = UsageEvent.objects.get()
        return host, {"usageevent": row, "modelprice": row.price, "exchangerate": row.rate}[model]

    return open_books


@pytest.mark.parametrize("model", ["usageevent", "modelprice", "exchangerate"])
def test_operators_read_the_books_and_rewrite_nothing(admin_books: Any, model: str) -> None:
    host, row = admin_books(model)
    before = rows()
    assert host.get(f"/admin/billing/{model}/").status_code == 200
    for path in (f"{row.pk}/change/", f"{row.pk}/delete/"):
        assert host.post(f"/admin/billing/{model}/{path}", {"post": "yes"}).status_code == 403
    assert rows() == before
    assert type(row).objects.filter(pk=row.pk).exists()


@pytest.mark.parametrize(("model", "status"), [("usageevent", 403), ("modelprice", 200), ("exchangerate", 200)])
def test_operators_add_prices_and_no_usage(admin_books: Any, model: str, status: int) -> None:
    host, _ = admin_books(model)
    assert host.get(f"/admin/billing/{model}/add/").status_code == status


def test_operators_correct_an_entry_and_the_log_says_so(admin_books: Any, acme: Organisation) -> None:
    host, row = admin_books("usageevent")
    address = f"/admin/billing/usageevent/{row.pk}/correct/"
    assert "Entered anew" not in host.get(address).content.decode()
    form = {
        "act": "replace",
        "reason": "<b>The invoice</b>",
        **dict.fromkeys(Tokens.__slots__, "7"),
        "input_tokens": "9",
    }
    refused = host.post(address, form).content.decode()
    assert "part of the input" in refused
    assert host.post(address, {**form, "reason": ""}).status_code == 200
    assert UsageEvent.objects.count() == 1
    assert host.post(address, {**form, "input_tokens": "20"}).status_code == 302
    _, counter, right = UsageEvent.objects.order_by("pk")
    assert (counter.cost_gbp, right.input_tokens, right.entered_by) == (-row.cost_gbp, 20, "operator@vena.example")
    assert AuditEvent.objects.get(action="usage.corrected").organisation == "org_acme"
    page = host.get(address).content.decode()
    assert "&lt;b&gt;The invoice&lt;/b&gt;" in page
    assert "It was taken back. Correct the one" in host.post(address, form).content.decode()
    assert host.get("/admin/billing/usageevent/?is_counter__exact=1").status_code == 200


def test_nobody_else_gets_at_it(acme: Organisation, call: Call, signed_in_as: Any) -> None:
    record_usage([call()])
    address = f"/admin/billing/usageevent/{UsageEvent.objects.get().pk}/correct/"
    assert signed_in_as(acme, Role.OWNER).post(address, {"act": "take_back", "reason": "x"}).status_code == 404
    assert UsageEvent.objects.count() == 1


def test_calls_with_an_organisations_own_key_are_marked(
    call: Callable[..., UsageRecord], acme: Organisation, globex: Organisation
) -> None:
    organisation_pays_itself(acme.schema_name, ["openai"])
    record_usage(
        [
            call(),
            call(kind="embedding", model="text-embedding-3-small"),  # always with the platform's
            call(provider="anthropic", model="claude-sonnet-4-5"),
            call(tenant=globex.key),
        ]
    )
    marked = UsageEvent.objects.order_by("pk").values_list("is_own_key", flat=True)
    assert list(marked) == [True, False, False, False]
