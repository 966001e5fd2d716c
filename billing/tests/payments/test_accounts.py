"""An organisation's customer and payment method at the provider."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from localstripe.resources import Customer, PaymentMethod, store

from billing.models import PaymentAccount
from billing.payments.accounts import account_ensure, account_forget, accounts_known, with_query
from billing.payments.actions import checkout_start, method_refresh, portal_open
from billing.payments.errors import PaymentsOff
from billing.payments.registry import gateway
from billing.tests.payments.conftest import BACK, setup_of
from billing.tests.payments.stripe_server import DECLINED, CheckoutSession, StripeServer
from tenants.models import Organisation


def customers() -> list[Any]:
    return [value for key, value in store.items() if key.startswith("customer:")]


def test_the_page_for_a_card(acme: Organisation, stripe: StripeServer) -> None:
    url = checkout_start(organisation=acme, back="https://acme.example/billing/?tab=card")
    session = CheckoutSession._api_retrieve(setup_of(url))
    account = PaymentAccount.objects.get()
    assert (account.organisation_id, account.state, account.customer) == (acme.pk, "empty", session.customer)
    assert (session.mode, session.currency, session.client_reference_id) == ("setup", "gbp", str(acme.pk))
    assert session.success_url == "https://acme.example/billing/?tab=card&payment=saved"
    assert session.cancel_url == "https://acme.example/billing/?tab=card&payment=cancelled"
    assert (customers()[0].name, customers()[0].metadata) == ("Acme", {"vena_organisation": str(acme.pk)})


def test_coming_back_from_it(acme: Organisation, stripe: StripeServer) -> None:
    setup = setup_of(checkout_start(organisation=acme, back=BACK))
    untouched = method_refresh(organisation=acme)
    assert untouched is not None
    assert untouched.state == "empty"
    method = stripe.fill_in(setup)
    account = method_refresh(organisation=acme)
    assert account is not None
    assert (account.state, account.method, account.label) == ("ready", method, "visa •••• 4242")
    assert (account.expires_month, account.expires_year, account.is_expired) == (12, 2031, False)
    account = PaymentAccount.objects.get()
    assert account.setup == ""
    account.expires_year = 2020
    assert account.is_expired


def test_hearing_of_it_by_event(acme: Organisation, stripe: StripeServer, deliver: Any) -> None:
    stripe.fill_in(setup_of(checkout_start(organisation=acme, back=BACK)))
    assert deliver(stripe.events_of("checkout.session.completed")[0]).status_code == 200
    assert PaymentAccount.objects.get().label == "visa •••• 4242"


def test_of_two_pages_the_newer_counts_in_whatever_order(
    acme: Organisation, stripe: StripeServer, deliver: Any
) -> None:
    older, newer = (setup_of(checkout_start(organisation=acme, back=BACK)) for _ in range(2))
    CheckoutSession._api_retrieve(older).created -= 60
    stripe.fill_in(older, DECLINED)
    stripe.fill_in(newer)
    first, second = stripe.events_of("checkout.session.completed")
    for event in (second, first):
        assert deliver(event).status_code == 200
        assert PaymentAccount.objects.get().last4 == "4242"


def test_a_choice_at_the_portal_is_not_undone_by_a_late_event(
    acme: Organisation, stripe: StripeServer, deliver: Any, with_card: Any
) -> None:
    account = with_card(acme, DECLINED)
    other = with_card(acme).method
    assert account.method != other
    gate = gateway()
    assert gate is not None
    gate.method_prefer(customer=account.customer, method=account.method)  # as the portal does
    changed = stripe.events_of("customer.updated")[-1]
    for event in (*stripe.events_of("checkout.session.completed"), changed):
        assert deliver(event).status_code == 200
    assert PaymentAccount.objects.get().method == account.method


def test_the_portal(acme: Organisation, stripe: StripeServer, with_card: Any) -> None:
    account = with_card(acme)
    assert portal_open(organisation=acme, back=BACK).endswith(account.customer)


def test_a_method_that_is_taken_away(acme: Organisation, stripe: StripeServer, deliver: Any, with_card: Any) -> None:
    account = with_card(acme)
    method = PaymentMethod._api_detach(account.method)
    Customer._api_retrieve(account.customer).invoice_settings["default_payment_method"] = None
    assert deliver(stripe.event("payment_method.detached", method)).status_code == 200
    account.refresh_from_db()
    assert (account.state, account.method, account.label) == ("empty", "", "")


def test_a_customer_that_was_deleted_there_comes_anew(
    acme: Organisation, stripe: StripeServer, deliver: Any, with_card: Any
) -> None:
    before = with_card(acme)
    Customer._api_delete(before.customer)
    assert deliver(stripe.events_of("customer.deleted")[0]).status_code == 200
    gone = PaymentAccount.objects.get()
    assert (gone.state, gone.method) == ("gone", "")
    after = with_card(acme)
    assert after.pk == before.pk
    assert after.customer != before.customer
    assert after.state == "ready"
    assert len(customers()) == 1


def test_who_leaves_is_forgotten_there_and_nobody_else(
    acme: Organisation, globex: Organisation, stripe: StripeServer, with_card: Any
) -> None:
    leaving, staying = with_card(acme), with_card(globex)
    account_forget(acme)
    leaving.refresh_from_db()
    assert (leaving.state, leaving.method, leaving.last4) == ("gone", "", "")
    assert [one.id for one in customers()] == [staying.customer]
    assert (accounts_known(acme), accounts_known(globex)) == (0, 1)
    account_forget(acme)  # again


def test_who_was_removed_there_already_is_forgotten_too(
    acme: Organisation, stripe: StripeServer, with_card: Any
) -> None:
    Customer._api_delete(with_card(acme).customer)
    account_forget(acme)
    assert accounts_known(acme) == 0


def test_a_provider_that_does_not_answer_leaves_it_to_be_seen(
    acme: Organisation, stripe: StripeServer, with_card: Any, settings: Any
) -> None:
    stripe.fails = f"/v1/customers/{with_card(acme).customer}"
    account_forget(acme)
    assert (accounts_known(acme), len(customers())) == (1, 1)
    stripe.fails = ""
    account_forget(acme)
    assert (accounts_known(acme), customers()) == (0, [])


def test_without_a_key_nobody_can_be_forgotten_there(
    acme: Organisation, stripe: StripeServer, with_card: Any, settings: Any
) -> None:
    with_card(acme)
    settings.STRIPE_SECRET_KEY = ""
    account_forget(acme)
    assert accounts_known(acme) == 0  # as far as we can reach
    assert len(customers()) == 1


def test_a_customer_follows_the_organisations_name(acme: Organisation, stripe: StripeServer) -> None:
    account_ensure(acme)
    acme.name = "Acme & Sons"
    account_ensure(acme)
    assert [one.name for one in customers()] == ["Acme & Sons"]


def test_two_organisations_are_two_customers(acme: Organisation, globex: Organisation, stripe: StripeServer) -> None:
    assert account_ensure(acme).customer != account_ensure(globex).customer


def test_six_at_once_make_one_customer(live_acme: Organisation, stripe: StripeServer) -> None:
    stripe.hold_seconds = 0.2

    def one(_: int) -> str:
        try:
            return account_ensure(live_acme).customer
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as threads:
        assert len(set(threads.map(one, range(6)))) == 1
    assert len(customers()) == PaymentAccount.objects.count() == 1


def test_without_a_key_there_is_no_gateway(acme: Organisation, stripe: StripeServer, settings: Any) -> None:
    assert gateway() is not None
    settings.STRIPE_SECRET_KEY = ""
    assert gateway() is None
    for act in (checkout_start, portal_open):
        with pytest.raises(PaymentsOff):
            act(organisation=acme, back=BACK)
    assert method_refresh(organisation=acme) is None


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("https://a.example/b/", "https://a.example/b/?payment=saved"),
        ("https://a.example/b/?c=1#d", "https://a.example/b/?c=1&payment=saved#d"),
    ],
)
def test_addresses_that_lead_back(address: str, expected: str) -> None:
    assert with_query(address, payment="saved") == expected
