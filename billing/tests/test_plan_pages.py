"""The organisation's pages about plan and invoices, and the operators'."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from accounts.audit.models import AuditEvent
from accounts.models import User
from accounts.permissions import Role
from billing.invoicing.closing import invoice_close
from billing.invoicing.drafts import invoice_draft
from billing.models import BillingDetails, Invoice, Plan, Seller, Subscription
from billing.plans.actions import plan_choose, subscription_start
from tenants.context import entered
from tenants.models import Organisation

ADDRESS = {"name": "Acme Ltd", "address": "1 High Street\nLeeds", "country": "GB", "vat_number": "GB 980 7806 84"}
LAST_MONTH = (timezone.now().date().replace(day=1) - timedelta(days=40)).replace(day=1)


@pytest.fixture
def plans(db: None) -> dict[str, Plan]:
    return {
        "small": Plan.objects.create(slug="small", name="Small", monthly_price_gbp=Decimal(30), seats=1),
        "large": Plan.objects.create(slug="large", name="Large", monthly_price_gbp=Decimal(90), features=["branding"]),
        "secret": Plan.objects.create(slug="secret", name="Secret", monthly_price_gbp=Decimal(1), is_offered=False),
    }


@pytest.fixture
def finance(acme: Organisation, plans: dict[str, Plan], signed_in_as: Callable[..., Any]) -> Any:
    subscription_start(acme, plans["small"], on=LAST_MONTH)
    return signed_in_as(acme)


@pytest.fixture
def invoice(acme: Organisation, finance: Any) -> Invoice:
    Seller.objects.create(
        name="Vena Ltd", address="2 Low Street", email="billing@vena.example", vat_number="GB980780684"
    )
    BillingDetails.objects.create(organisation=acme, **ADDRESS)
    return invoice_close(acme.pk, LAST_MONTH)


def words(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def test_without_a_plan_the_page_says_so(acme: Organisation, signed_in_as: Callable[..., Any]) -> None:
    assert "Nothing is limited and nothing is charged" in words(signed_in_as(acme).get("/billing/"))


def test_the_page_says_what_there_is_and_what_is_used(finance: Any) -> None:
    page = words(finance.get("/billing/"))
    assert "£30.00 a month" in page
    assert '1 <span class="muted">of 1</span>' in page
    assert "Large" in page
    assert "Secret" not in page
    assert "Nobody yet. Invoices need a name and an address." in page


def test_details_then_a_dearer_plan(acme: Organisation, finance: Any) -> None:
    refused = finance.post("/billing/plans/large/", follow=True)
    assert refused.redirect_chain[-1][0] == "/billing/details/"
    assert "Say first whom invoices are made out to" in words(refused)
    wrong = finance.post("/billing/details/", {**ADDRESS, "vat_number": "GB980780685"})
    assert (wrong.status_code, "no VAT number of that country" in words(wrong)) == (422, True)
    assert finance.post("/billing/details/", ADDRESS).status_code == 302
    assert BillingDetails.objects.get(organisation=acme).vat_number == "GB980780684"
    assert "It counts from today" in words(finance.get("/billing/plans/large/"))
    done = finance.post("/billing/plans/large/", follow=True)
    assert "You have Large now." in words(done)
    assert Subscription.objects.get(organisation=acme).plan.slug == "large"
    with entered(acme.schema_name):
        assert set(AuditEvent.objects.values_list("action", flat=True)) >= {
            "subscription.changed",
            "billing_details.changed",
        }


def test_a_smaller_plan_is_shown_with_what_it_breaks_and_comes_later(
    acme: Organisation, finance: Any, plans: dict[str, Plan], make_person: Any
) -> None:
    BillingDetails.objects.create(organisation=acme, **ADDRESS)
    plan_choose(acme, plans["large"], by=None)
    make_person(acme, "second@acme.example")
    page = words(finance.get("/billing/plans/small/"))
    assert "It is too small for what you have" in page
    assert "2 are taken, the plan has 1" in page
    assert "Own logo and colours" in page
    done = words(finance.post("/billing/plans/small/", follow=True))
    assert "Small comes on" in done
    assert "Keep Large" in done
    assert "you keep Large" in words(finance.post("/billing/resume/", follow=True))


def test_what_is_not_offered_is_not_there(finance: Any) -> None:
    for slug in ("secret", "nothing"):
        assert finance.get(f"/billing/plans/{slug}/").status_code == 404


def test_cancelling_needs_a_fresh_sign_in_and_says_until_when(acme: Organisation, finance: Any) -> None:
    assert "Nothing is deleted" in words(finance.get("/billing/cancel/"))
    done = words(finance.post("/billing/cancel/", follow=True))
    assert "Everything works until" in done
    assert Subscription.objects.get(organisation=acme).is_cancelled


@pytest.mark.parametrize("role", [Role.ADMIN, Role.MEMBER])
def test_others_do_not_change_the_plan(acme: Organisation, finance: Any, signed_in_as: Any, role: Role) -> None:
    browser = signed_in_as(acme, role)
    for address in ("/billing/plans/large/", "/billing/cancel/", "/billing/resume/", "/billing/details/"):
        assert browser.post(address).status_code == 403
    assert browser.get("/billing/").status_code == (200 if role == Role.ADMIN else 403)


def test_an_invoice_is_downloaded_by_its_organisation_alone(
    acme: Organisation, globex: Organisation, invoice: Invoice, finance: Any, signed_in_as: Callable[..., Any]
) -> None:
    page = words(finance.get("/billing/"))
    assert "INV-000001" in page
    assert "£36.00 open" in page
    file = finance.get(f"/billing/invoices/{invoice.pk}/")
    assert (file.status_code, file["Content-Type"], file.content[:5]) == (200, "application/pdf", b"%PDF-")
    other = signed_in_as(globex)
    assert other.get(f"/billing/invoices/{invoice.pk}/").status_code == 404
    assert "INV-000001" not in words(other.get("/billing/"))


def test_the_pages_stay_open_while_it_is_suspended(acme: Organisation, finance: Any, invoice: Invoice) -> None:
    Organisation.objects.filter(pk=acme.pk).update(state="suspended")
    assert finance.get("/").status_code == 403
    assert 'href="/billing/"' in words(finance.get("/"))
    assert finance.get("/billing/").status_code == 200
    assert finance.get(f"/billing/invoices/{invoice.pk}/").status_code == 200


# -- operators ------------------------------------------------------------------------------------


@pytest.fixture
def operator(db: None, on_host: Any) -> Any:
    person = User.objects.create_superuser("operator@vena.example", "correct horse battery", name="Operator")
    host = on_host(None)
    host.force_login(person)
    return host


def test_operators_draft_close_credit_and_enter_payments(acme: Organisation, invoice: Invoice, operator: Any) -> None:
    page = f"/admin/billing/invoice/{invoice.pk}/page/"
    assert "INV-000001" in words(operator.get(page))
    wrong = words(operator.post(page, {"act": "credit", "net": "31", "reason": "x"}))
    assert "more than is left" in wrong
    operator.post(page, {"act": "credit", "net": "10", "reason": "A day without service"})
    paid = {"act": "pay", "amount": "24.00", "paid_on": timezone.now().date(), "way": "transfer", "reference": "BACS"}
    assert operator.post(page, paid).status_code == 302
    after = words(operator.get(page))
    assert "Payments: £0.00 open" in after
    assert "CN-000001" in after
    assert operator.get(f"/admin/billing/invoice/{invoice.pk}/file/").content[:5] == b"%PDF-"
    assert operator.get("/admin/billing/invoice/").status_code == 200


def test_operators_write_lines_and_close(acme: Organisation, finance: Any, operator: Any) -> None:
    draft = invoice_draft(acme.pk, LAST_MONTH)
    page = f"/admin/billing/invoice/{draft.pk}/page/"
    assert operator.post(page, {"act": "line", "text": "Training", "amount": "200"}).status_code == 302
    assert operator.get(f"/admin/billing/invoice/{draft.pk}/file/").content[:5] == b"%PDF-"
    assert "Nobody is named who issues the invoices" in words(operator.post(page, {"act": "close"}, follow=True))
    seller = {
        "name": "Vena Ltd",
        "address": "2 Low Street",
        "email": "billing@vena.example",
        "payment_days": "14",
        "grace_days": "14",
        "invoice_prefix": "V-",
        "credit_prefix": "C-",
    }
    assert operator.post("/admin/billing/seller/add/", seller).status_code == 302
    BillingDetails.objects.create(organisation=acme, **ADDRESS)
    operator.post(page, {"act": "close"})
    draft.refresh_from_db()
    assert (draft.number, draft.net_gbp, draft.closed_by) == ("V-000001", Decimal(230), "operator@vena.example")


def test_operators_give_plans_that_are_not_offered(
    acme: Organisation, globex: Organisation, finance: Any, operator: Any, plans: dict[str, Plan]
) -> None:
    BillingDetails.objects.create(organisation=acme, **ADDRESS)
    row = Subscription.objects.get(organisation=acme)
    page = f"/admin/billing/subscription/{row.pk}/manage/"
    operator.post(page, {"act": "choose", "plan": plans["secret"].pk})
    row.refresh_from_db()
    assert row.next_plan == plans["secret"]
    assert "by an operator" in words(operator.get(page))
    operator.post(page, {"act": "resume"})
    operator.post(page, {"act": "cancel"})
    row.refresh_from_db()
    assert row.is_cancelled
    added = operator.post("/admin/billing/subscription/add/", {"organisation": globex.pk, "plan": plans["small"].pk})
    assert added.status_code == 302
    assert Organisation.objects.get(pk=globex.pk).entitled.seats == 1


def test_a_changed_plan_counts_for_who_has_it(acme: Organisation, finance: Any, operator: Any, plans: Any) -> None:
    plan = plans["small"]
    values = {
        **dict.fromkeys(("summary", "document_limit", "storage_mb", "questions_a_month", "questions_a_minute"), ""),
        "name": "Small",
        "slug": "small",
        "is_offered": "on",
        "trial_days": "0",
        "monthly_price_gbp": "30",
        "included_usage_gbp": "0",
        "usage_markup_percent": "0",
        "seats": "9",
        "features": ["schedules"],
    }
    assert operator.post(f"/admin/billing/plan/{plan.pk}/change/", values).status_code == 302
    assert Organisation.objects.get(pk=acme.pk).entitled.seats == 9


def test_a_trial_that_ends_is_said_over_every_page(
    acme: Organisation, plans: dict[str, Plan], signed_in_as: Callable[..., Any]
) -> None:
    Plan.objects.filter(slug="large").update(trial_days=5)
    subscription_start(acme, Plan.objects.get(slug="large"), on=date.today())  # noqa: DTZ011
    assert "The trial ends on" in words(signed_in_as(acme, Role.OWNER).get("/usage/"))
    assert "The trial ends on" not in words(signed_in_as(acme, Role.ADMIN).get("/usage/"))
