"""Months are closed once, numbered without gaps, never changed, and add up with the ledger."""

from __future__ import annotations

import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from decimal import Decimal
from smtplib import SMTPException
from typing import Any
from unittest import mock
from uuid import uuid4

import pypdfium2
import pytest
from django.core.mail import EmailMessage
from django.db import DatabaseError, connection, transaction
from django.db.models import Sum

from billing.booking import booked
from billing.errors import (
    CreditNotPossible,
    DetailsNeeded,
    InvoiceClosed,
    MonthNotOver,
    PaymentNotPossible,
    SellerMissing,
)
from billing.invoicing.balances import open_amount, overdue_organisations
from billing.invoicing.closing import invoice_close, invoices_check, months_close
from billing.invoicing.credits import credit_note_issue
from billing.invoicing.drafts import invoice_draft, line_add, line_remove
from billing.invoicing.mails import invoices_send
from billing.invoicing.payments import payment_enter, payment_told
from billing.metering import events_of
from billing.models import (
    BillingDetails,
    DailyUsage,
    Invoice,
    InvoiceFile,
    InvoiceLine,
    InvoicePayment,
    InvoiceSeries,
    Plan,
    PlanPeriod,
    Seller,
    Subscription,
    UsageEvent,
)
from billing.plans.actions import plan_choose, subscription_start
from billing.plans.leaving import subscription_leave
from billing.plans.periods import period_begin
from billing.rollups import days_roll
from billing.types import UsageRecord
from tenants.models import Organisation

MONTH = date(2026, 9, 1)
CLOSING = date(2026, 10, 3)
CENTS = Decimal("0.01")


def make_seller() -> Seller:
    return Seller.objects.create(
        name="Vena Software Ltd",
        address="2 Low Street\nLondon E1 6AN",
        email="billing@vena.example",
        vat_number="GB980780684",
        bank_details="Sort code 00-00-00, account 00000000",
    )


def make_customer(organisation: Organisation, **values: str) -> BillingDetails:
    usual = {"name": f"{organisation.name} Żółć Ltd", "address": "1 High Street\nLeeds", "country": "GB"}
    return BillingDetails.objects.create(organisation=organisation, **{**usual, **values})


@pytest.fixture
def seller(db: None) -> Seller:
    return make_seller()


@pytest.fixture
def plan(db: None) -> Plan:
    return Plan.objects.create(
        slug="work", name="Work", monthly_price_gbp=Decimal("49.00"), included_usage_gbp=Decimal(1), seats=None
    )


@pytest.fixture
def customer(acme: Organisation, plan: Plan) -> BillingDetails:
    subscription_start(acme, plan, on=MONTH)
    return make_customer(acme)


@pytest.fixture
def spent(call: Callable[..., UsageRecord]) -> Callable[..., None]:
    """Calls of that month in the ledger."""

    def write(count: int = 3, day: int = 12, **values: Any) -> None:
        events = events_of([call(key=uuid4(), input_tokens=150_000, **values) for _ in range(count)])
        for event in events:
            event.created_at = datetime(2026, 9, day, 10, tzinfo=UTC)
        booked(events)

    return write


def words_of(content: bytes) -> str:
    document = pypdfium2.PdfDocument(io.BytesIO(content))
    return "\n".join(page.get_textpage().get_text_range() for page in document)


def test_a_closed_month_is_the_plan_and_the_ledger(
    acme: Organisation, globex: Organisation, customer: BillingDetails, seller: Seller, spent: Callable[..., None]
) -> None:
    spent(4)
    spent(1, model="gpt-4o-mini", tenant=globex.key)
    ledger = UsageEvent.objects.filter(organisation_id=acme.pk).aggregate(all=Sum("cost_gbp"))["all"]
    days_roll()
    invoice = invoice_close(acme.pk, MONTH, on=CLOSING)
    usage = invoice.lines.filter(kind="usage")
    assert invoice.usage_gbp == ledger == usage.aggregate(all=Sum("cost_gbp"))["all"]
    rolled = DailyUsage.objects.filter(organisation_id=acme.pk).aggregate(all=Sum("cost_gbp"))["all"]
    assert rolled == ledger
    assert invoice.net_gbp == Decimal(49) + ledger.quantize(CENTS) - 1
    assert invoice.tax_gbp == (invoice.net_gbp / 5).quantize(CENTS)
    assert invoice.total_gbp == invoice.net_gbp + invoice.tax_gbp
    assert (invoice.number, invoice.due_on, invoice.tax_rule) == ("INV-000001", date(2026, 10, 17), "standard")
    assert not invoices_check()


def test_the_file_says_what_the_row_says(
    acme: Organisation, customer: BillingDetails, seller: Seller, spent: Callable[..., None]
) -> None:
    spent(2)
    invoice = invoice_close(acme.pk, MONTH, on=CLOSING)
    words = words_of(bytes(invoice.file.content))
    for expected in (
        *("INV-000001", "Vena Software Ltd", "Acme Żółć Ltd", "United Kingdom", "Work plan", "openai gpt-4o"),
        *(f"£{invoice.net_gbp}", f"£{invoice.tax_gbp}", f"£{invoice.total_gbp}", "VAT 20 %", "Page 1 of 1"),
        *("Sort code 00-00-00", "VAT number GB980780684", "3 October 2026", "17 October 2026"),
    ):
        assert expected in words, expected


def test_reverse_charge_is_on_the_invoice(acme: Organisation, plan: Plan, seller: Seller) -> None:
    subscription_start(acme, plan, on=MONTH)
    make_customer(acme, country="DE", vat_number="DE136695976")
    invoice = invoice_close(acme.pk, MONTH, on=CLOSING)
    assert (invoice.tax_rule, invoice.tax_gbp, invoice.total_gbp) == ("reverse_charge", Decimal(0), Decimal(49))
    assert "to be accounted for by the customer" in words_of(bytes(invoice.file.content)).replace("\r\n", " ")
    assert "DE136695976" in words_of(bytes(invoice.file.content))


def test_a_change_of_plan_is_charged_by_days(
    acme: Organisation, customer: BillingDetails, seller: Seller, plan: Plan
) -> None:
    dear = Plan.objects.create(slug="dear", name="Dear", monthly_price_gbp=Decimal("98.00"))
    plan_choose(acme, dear, by=None, on=date(2026, 9, 16))
    invoice = invoice_close(acme.pk, MONTH, on=CLOSING)
    found = invoice.lines.filter(kind="plan").values_list("text", "amount_gbp")
    assert list(found) == [
        ("Work plan, 15 of 30 days", Decimal("24.50")),
        ("Dear plan, 15 of 30 days", Decimal("49.00")),
    ]


# -- what is closed stays -------------------------------------------------------------------------


def test_the_database_keeps_a_closed_invoice(acme: Organisation, customer: BillingDetails, seller: Seller) -> None:
    invoice = invoice_close(acme.pk, MONTH, on=CLOSING)
    line = invoice.lines.get()
    for act in (
        lambda: Invoice.objects.filter(pk=invoice.pk).update(net_gbp=1, total_gbp=1 + invoice.tax_gbp),
        lambda: Invoice.objects.filter(pk=invoice.pk).update(state="draft", number=None),
        lambda: invoice.lines.all().delete(),
        lambda: InvoiceLine.objects.filter(pk=line.pk).update(amount_gbp=1),
        lambda: invoice.lines.create(position=9, kind="other", text="x", since=MONTH, until=MONTH),
        lambda: InvoiceFile.objects.filter(invoice=invoice).update(content=b""),
        lambda: connection.cursor().execute("DELETE FROM billing_invoicesending; DELETE FROM billing_invoice"),
        lambda: connection.cursor().execute("TRUNCATE billing_invoice CASCADE"),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            act()
    invoice.refresh_from_db()
    assert invoice.net_gbp == 49


def test_a_closed_month_is_not_closed_again_or_drafted(
    acme: Organisation, customer: BillingDetails, seller: Seller
) -> None:
    invoice_close(acme.pk, MONTH, on=CLOSING)
    with pytest.raises(InvoiceClosed):
        invoice_close(acme.pk, MONTH, on=CLOSING)
    with pytest.raises(InvoiceClosed):
        invoice_draft(acme.pk, MONTH)
    assert InvoiceSeries.objects.get(name="invoice").last == 1


def test_what_is_written_into_a_closed_month_is_found(
    acme: Organisation, customer: BillingDetails, seller: Seller, spent: Callable[..., None], settings: Any
) -> None:
    today = date.today().replace(day=1)  # noqa: DTZ011
    last = (today - date.resolution).replace(day=1)
    subscription = Subscription.objects.get(organisation=acme)
    invoice = invoice_close(acme.pk, last, on=today.replace(day=5))
    assert subscription.plan.slug == "work"
    assert not invoices_check()
    event = UsageEvent(
        created_at=datetime(last.year, last.month, 2, tzinfo=UTC),
        organisation_id=acme.pk,
        organisation_label="org_acme",
        kind="chat",
        outcome="complete",
        provider="openai",
        model="gpt-4o",
        cost_gbp=Decimal("0.5"),
    )
    event.save()
    assert invoices_check() == [invoice]


def test_a_month_that_runs_or_rests_is_not_closed(acme: Organisation, customer: BillingDetails, seller: Seller) -> None:
    for day in (date(2026, 9, 30), date(2026, 10, 1), date(2026, 10, 2)):
        with pytest.raises(MonthNotOver):
            invoice_close(acme.pk, MONTH, on=day)
    assert not Invoice.objects.exists()


def test_a_month_with_nothing_to_pay_is_a_statement(acme: Organisation, spent: Callable[..., None]) -> None:
    spent(2)
    row = invoice_close(acme.pk, MONTH, on=CLOSING)  # neither plan nor seller
    assert (row.kind, row.total_gbp, row.state) == ("statement", Decimal(0), "closed")
    assert row.number is None
    assert row.usage_gbp > 0
    assert InvoiceSeries.objects.get(name="invoice").last == 0


def test_operators_write_lines_into_drafts(acme: Organisation, customer: BillingDetails, seller: Seller) -> None:
    draft = line_add(invoice_draft(acme.pk, MONTH), text="Training", amount=Decimal(200))
    draft = line_add(draft, text="Discount", amount=Decimal("-9.00"))
    assert draft.net_gbp == 240
    draft = line_remove(draft, draft.lines.get(text="Training").pk)
    invoice = invoice_close(acme.pk, MONTH, on=CLOSING)
    assert invoice.net_gbp == 40
    with pytest.raises(InvoiceClosed):
        line_add(invoice, text="More", amount=Decimal(1))


# -- the sweep ------------------------------------------------------------------------------------


def test_the_sweep_closes_what_it_can_and_says_why_not(
    acme: Organisation, globex: Organisation, customer: BillingDetails, plan: Plan, spent: Callable[..., None]
) -> None:
    subscription_start(globex, plan, on=MONTH)
    assert months_close(date(2026, 10, 2)) == 0
    assert months_close(CLOSING) == 0  # no seller
    assert set(Invoice.objects.values_list("problem", flat=True)) == {SellerMissing.message}
    make_seller()
    assert months_close(CLOSING) == 1
    assert Invoice.objects.get(organisation_id=globex.pk).problem == DetailsNeeded.message
    make_customer(globex)
    assert months_close(date(2026, 11, 5)) == 3  # the one that was left, and October of both
    assert months_close(date(2026, 11, 5)) == 0
    numbers = Invoice.objects.exclude(number=None).order_by("number").values_list("number", flat=True)
    assert list(numbers) == [f"INV-{number:06d}" for number in range(1, 5)]


def test_numbers_have_no_gaps_however_many_close_at_once(live_acme: Organisation, django_db_blocker: Any) -> None:
    """Eight threads, three organisations' worth of months, and closings that fail in the middle."""
    make_seller()
    ids = [uuid4() for _ in range(8)]
    plan = Plan.objects.create(slug="many", name="Many", monthly_price_gbp=Decimal(10))
    try:
        for organisation_id in ids:
            period_begin(organisation_id, plan, MONTH)
            draft = invoice_draft(organisation_id, MONTH)
            Invoice.objects.filter(pk=draft.pk).update(customer=CUSTOMER)

        def close(number: int) -> str:
            with django_db_blocker.unblock():
                try:
                    if number % 3 == 0:
                        with transaction.atomic():
                            invoice_close(ids[number], MONTH, on=CLOSING)
                            raise ArithmeticError
                    return invoice_close(ids[number], MONTH, on=CLOSING).number or ""
                except ArithmeticError:
                    return ""
                finally:
                    connection.close()

        with ThreadPoolExecutor(8) as pool:
            numbers = sorted(number for number in pool.map(close, range(8)) if number)
        assert numbers == [f"INV-{number:06d}" for number in range(1, 6)]
        assert InvoiceSeries.objects.get(name="invoice").last == 5
    finally:
        InvoiceSeries.objects.update(last=0)
        PlanPeriod.objects.filter(plan=plan).delete()
        plan.delete()


CUSTOMER = {
    "name": "Somebody Ltd",
    "address": "3 Mill Lane",
    "country": "GB",
    "vat_number": "",
    "purchase_order": "",
    "email": "accounts@somebody.example",
}


# -- credit notes and payments --------------------------------------------------------------------


def test_credit_notes_take_back_all_and_not_a_penny_more(
    acme: Organisation, customer: BillingDetails, seller: Seller
) -> None:
    invoice = invoice_close(acme.pk, MONTH, on=CLOSING)
    first = credit_note_issue(invoice, net=Decimal("16.33"), reason="Two days without service")
    assert (first.number, first.tax_gbp, first.total_gbp) == ("CN-000001", Decimal("3.27"), Decimal("19.60"))
    assert open_amount(invoice) == invoice.total_gbp - first.total_gbp
    for wrong in (Decimal("32.68"), Decimal(0), Decimal(-1)):
        with pytest.raises(CreditNotPossible):
            credit_note_issue(invoice, net=wrong, reason="x")
    with pytest.raises(CreditNotPossible):
        credit_note_issue(invoice, net=Decimal(1), reason=" ")
    rest = credit_note_issue(invoice, reason="Cancelled")
    assert first.total_gbp + rest.total_gbp == invoice.total_gbp
    assert open_amount(invoice) == 0
    with pytest.raises(CreditNotPossible):
        credit_note_issue(invoice, reason="Again")
    with pytest.raises(CreditNotPossible):
        credit_note_issue(first, reason="A note of a note")
    words = words_of(bytes(first.file.content))
    assert all(one in words for one in ("Credit note", "CN-000001", "INV-000001", "Two days without service"))


def test_a_credit_note_ends_being_overdue(acme: Organisation, customer: BillingDetails, seller: Seller) -> None:
    invoice = invoice_close(acme.pk, MONTH, on=CLOSING)
    assert overdue_organisations(date(2026, 10, 17)) == set()
    assert overdue_organisations(date(2026, 10, 18)) == {acme.pk}
    credit_note_issue(invoice, reason="Cancelled")
    assert overdue_organisations(date(2026, 10, 18)) == set()


def test_payments_are_entered_once_and_kept(acme: Organisation, customer: BillingDetails, seller: Seller) -> None:
    invoice = invoice_close(acme.pk, MONTH, on=CLOSING)
    for wrong in (Decimal(0), invoice.total_gbp + CENTS):
        with pytest.raises(PaymentNotPossible):
            payment_enter(invoice, amount=wrong, paid_on=CLOSING)
    payment_enter(invoice, amount=Decimal("8.80"), paid_on=CLOSING, reference="BACS 17")
    assert open_amount(invoice) == Decimal("50.00")
    assert payment_told(invoice.pk, amount=Decimal(50), paid_on=CLOSING, key="pi_1") is not None
    assert payment_told(invoice.pk, amount=Decimal(50), paid_on=CLOSING, key="pi_1") is None
    assert open_amount(invoice) == 0
    with pytest.raises(DatabaseError, match="append only"), transaction.atomic():
        InvoicePayment.objects.update(amount_gbp=1)


# -- e-mail, and the end of an organisation -------------------------------------------------------


def test_invoices_are_sent_once_with_their_file(
    acme: Organisation,
    globex: Organisation,
    customer: BillingDetails,
    seller: Seller,
    make_person: Any,
    mailoutbox: Any,
) -> None:
    make_person(acme, "owner@acme.example", "owner")
    make_person(acme, "finance@acme.example", "finance")
    make_person(acme, "member@acme.example", "member")
    make_person(globex, "owner@globex.example", "owner")
    invoice = invoice_close(acme.pk, MONTH, on=CLOSING)
    with mock.patch.object(EmailMessage, "send", side_effect=SMTPException):
        assert invoices_send() == 0
    assert invoices_send() == 1
    assert invoices_send() == 0
    (mail,) = mailoutbox
    assert set(mail.bcc) == {"owner@acme.example", "finance@acme.example"}
    assert mail.subject == "Invoice INV-000001 from Vena Software Ltd"
    assert "Please pay by 17 October 2026" in mail.body
    assert mail.attachments[0][:2] == ("INV-000001.pdf", bytes(invoice.file.content))


def test_the_last_month_of_a_deleted_organisation_is_still_invoiced(
    acme: Organisation, customer: BillingDetails, seller: Seller, spent: Callable[..., None], mailoutbox: Any
) -> None:
    BillingDetails.objects.filter(organisation=acme).update(email="accounts@acme.example")
    subscription_leave(acme)
    pk = acme.pk
    this_month = Invoice.objects.get(organisation_id=pk).month
    Subscription.objects.filter(organisation=acme).delete()
    BillingDetails.objects.filter(organisation=acme).delete()
    following = (this_month.replace(day=28) + date.resolution * 4).replace(day=4)
    invoice = invoice_close(pk, this_month, on=following)
    assert invoice.customer["name"] == "Acme Żółć Ltd"
    assert 0 < invoice.net_gbp <= 49
    assert invoices_send() == 1
    assert mailoutbox[0].bcc == ["accounts@acme.example"]
