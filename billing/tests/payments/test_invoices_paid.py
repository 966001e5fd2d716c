"""Invoices and their payments, through the real SDK: collected, refused, paid again, credited and given back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone

from accounts.permissions import Role
from billing.errors import NothingToPay
from billing.invoicing.balances import open_amount
from billing.invoicing.closing import invoice_close
from billing.invoicing.collecting import invoice_collect, invoices_collect, overpaid_refund
from billing.invoicing.credits import credit_note_issue
from billing.models import (
    BillingDetails,
    Invoice,
    InvoicePayment,
    InvoiceSeries,
    Payment,
    PaymentAccount,
    Plan,
    PlanPeriod,
    Seller,
    Subscription,
)
from billing.plans.actions import subscription_start
from billing.plans.calendar import subscriptions_advance
from billing.tests.payments.stripe_server import StripeServer
from tenants.context import entered
from tenants.models import Organisation

MONTH = date(2026, 9, 1)
DECLINED = "4000000000000341"


@pytest.fixture
def plan(live: None) -> Any:
    row = Plan.objects.create(slug="paid", name="Paid", monthly_price_gbp=Decimal("50.00"))
    yield row
    InvoiceSeries.objects.update(last=0)
    PlanPeriod.objects.filter(plan=row).delete()
    Subscription.objects.filter(plan=row).delete()
    row.delete()


@pytest.fixture
def invoice_of(plan: Plan) -> Callable[[Organisation], Invoice]:
    Seller.objects.create(
        name="Vena Ltd", address="2 Low Street", email="billing@vena.example", vat_number="GB980780684"
    )

    def make(organisation: Organisation) -> Invoice:
        subscription_start(organisation, plan, on=MONTH)
        BillingDetails.objects.create(organisation=organisation, name="Ltd", address="1 High Street", country="GB")
        return invoice_close(organisation.pk, MONTH, on=date(2026, 10, 3))

    return make


def test_who_has_a_card_has_paid_and_who_has_none_has_not(
    live_acme: Organisation,
    live_globex: Organisation,
    invoice_of: Callable[[Organisation], Invoice],
    with_card: Callable[..., PaymentAccount],
    stripe: StripeServer,
) -> None:
    ours, theirs = invoice_of(live_acme), invoice_of(live_globex)
    with_card(live_acme)
    assert invoices_collect() == 1
    assert (open_amount(ours), open_amount(theirs)) == (Decimal(0), Decimal("60.00"))
    row = InvoicePayment.objects.get()
    assert (row.invoice_id, row.amount_gbp, row.way) == (ours.pk, Decimal("60.00"), "card")
    assert invoices_collect() == 0
    assert Payment.objects.count() == 1
    with pytest.raises(NothingToPay):
        invoice_collect(live_acme, ours)


def test_a_refused_card_is_told_tried_again_and_ends_in_grace_then_paid_by_hand(
    live_acme: Organisation,
    invoice_of: Callable[[Organisation], Invoice],
    with_card: Callable[..., PaymentAccount],
    make_person: Any,
    on_host: Any,
) -> None:
    make_person(live_acme, "owner@acme.example", Role.OWNER)
    invoice = invoice_of(live_acme)
    with_card(live_acme, DECLINED)
    invoices_collect()
    letters = [letter for letter in mail.outbox if "could not be paid" in letter.subject]
    assert [letter.bcc for letter in letters] == [["owner@acme.example"]]
    assert invoices_collect() == 0  # not every hour
    assert invoices_collect(timezone.now() + timedelta(days=4)) in {0, 1}
    subscriptions_advance(date(2026, 10, 20))
    assert Subscription.objects.get(organisation=live_acme).state == "grace"
    with_card(live_acme)
    browser = on_host(live_acme)
    browser.sign_in("owner@acme.example")
    page = browser.post(f"/billing/invoices/{invoice.pk}/pay/", follow=True).content.decode()
    assert "Paid. Thank you." in page
    assert Subscription.objects.get(organisation=live_acme).state == "active"


def test_what_was_credited_after_it_was_paid_goes_back_once(
    live_acme: Organisation,
    invoice_of: Callable[[Organisation], Invoice],
    with_card: Callable[..., PaymentAccount],
    stripe: StripeServer,
) -> None:
    invoice = invoice_of(live_acme)
    with_card(live_acme)
    invoice_collect(live_acme, invoice)
    with pytest.raises(NothingToPay):
        overpaid_refund(invoice)
    credit_note_issue(invoice, net=Decimal("10.00"), reason="Two days without service")
    assert open_amount(invoice) == Decimal("-12.00")
    assert overpaid_refund(invoice) == Decimal("12.00")
    assert open_amount(invoice) == 0
    with pytest.raises(NothingToPay):
        overpaid_refund(invoice)
    assert Payment.objects.get().refunded == Decimal("12.00")


def test_the_pages_lead_to_the_provider_and_back(
    live_acme: Organisation,
    live_globex: Organisation,
    invoice_of: Callable[[Organisation], Invoice],
    stripe: StripeServer,
    make_person: Any,
    on_host: Any,
) -> None:
    theirs = invoice_of(live_globex)
    make_person(live_acme, "owner@acme.example", Role.OWNER)
    browser = on_host(live_acme)
    browser.sign_in("owner@acme.example")
    subscription_start(live_acme, Plan.objects.get(slug="paid"))
    assert "Add a card" in browser.get("/billing/").content.decode()
    away = browser.get("/billing/card/")
    assert away["Location"].startswith("https://checkout.stripe.com/")
    stripe.fill_in(away["Location"].rpartition("/")[2], "4242424242424242")
    page = browser.get("/billing/?payment=saved").content.decode()
    assert "4242 from now on" in page
    assert browser.get("/billing/card/?show=portal")["Location"].startswith("https://billing.stripe.com/")
    browser.post(f"/billing/invoices/{theirs.pk}/pay/")
    assert open_amount(theirs) == Decimal("60.00")
    with entered(live_acme.schema_name):
        assert not Payment.objects.exists()


def test_without_a_provider_the_page_offers_no_card(
    live_acme: Organisation, plan: Plan, make_person: Any, on_host: Any
) -> None:
    subscription_start(live_acme, plan)
    make_person(live_acme, "owner@acme.example", Role.OWNER)
    browser = on_host(live_acme)
    browser.sign_in("owner@acme.example")
    assert "How you pay" not in browser.get("/billing/").content.decode()
    refused = browser.get("/billing/card/", follow=True).content.decode()
    assert "Paying by card is not set up here" in refused
    assert invoices_collect() == 0
