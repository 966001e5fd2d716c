"""What operators see of all organisations' money, and that nobody else does."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from accounts.models import User
from billing import revenue
from billing.metering import record_usage
from billing.models import Plan, Subscription
from billing.platform_finance import platform_finance
from billing.types import UsageRecord
from tenants.models import Organisation

Call = Callable[..., UsageRecord]
MONTH = timezone.now().date().replace(day=1)
PAGE = "/admin/finance/"
PASSWORD = "correct horse battery"
COST = Decimal("0.00553")


@pytest.fixture
def used(acme: Organisation, globex: Organisation, call: Call) -> None:
    plan = Plan.objects.create(slug="bought", name="Bought", monthly_price_gbp=Decimal("49.00"))
    Subscription.objects.update_or_create(organisation=acme, defaults={"plan": plan})
    Subscription.objects.filter(organisation=globex).delete()
    gone = replace(acme.key, id=uuid4(), schema_name="org_gone")
    record_usage([call(member_id=uuid4()), replace(call(), tenant=globex.key), replace(call(), tenant=gone)])


@pytest.fixture
def operator(on_host: Any, db: None) -> Any:
    User.objects.create_superuser("operator@vena.example", PASSWORD)
    host = on_host(None)
    host.sign_in("operator@vena.example")
    return host


@pytest.mark.usefixtures("used")
def test_cost_revenue_and_margin_of_each() -> None:
    made = platform_finance(MONTH)
    found = {one.name: (one.state, one.figures.cost_gbp, one.revenue_gbp, one.margin_gbp) for one in made.accounts}
    assert found["Acme"] == ("active", COST, Decimal(49), Decimal(49) - COST)
    assert found["Globex"] == ("active", COST, Decimal(0), -COST)
    assert found["org_gone"][0] == "deleted"
    assert made.total.figures.cost_gbp == 3 * COST
    assert made.total.margin_gbp == sum(one.margin_gbp for one in made.accounts)
    assert made.accounts[-1].name == "Acme"  # the least left first


@pytest.mark.usefixtures("used")
def test_invoices_come_before_plan_prices(acme: Organisation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(revenue, "invoiced", lambda month: {acme.pk: Decimal("40.83")})
    made = platform_finance(MONTH)
    assert (made.revenue_from, made.total.revenue_gbp) == ("invoices", Decimal("40.83"))


@pytest.mark.usefixtures("used")
def test_operators_see_and_take_it(operator: Any) -> None:
    page = operator.get(PAGE).content.decode()
    assert "£48.9945" in page
    assert "org_gone" in page
    rows = list(csv.DictReader(io.StringIO(operator.get(PAGE, {"format": "csv"}).content.decode())))
    assert {row["Organisation"]: row["Margin in GBP"] for row in rows}["Acme"] == "48.99447000"
    assert operator.get(PAGE, {"format": "xlsx"}).content.startswith(b"PK")
    assert "Write the month like" in operator.get(PAGE, {"month": "soon"}).content.decode()
    assert "has not begun" in operator.get(PAGE, {"month": "9999-01"}).content.decode()


def test_nobody_else_does(acme: Organisation, on_host: Any, signed_in_as: Any) -> None:
    assert on_host(None).get(PAGE)["Location"].startswith("/admin/login/")
    assert signed_in_as(acme).get(PAGE).status_code in {302, 403, 404}
