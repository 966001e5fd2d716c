"""An organisation at the payment provider: who it is there, and which payment method it has given."""

from __future__ import annotations

import logging
from urllib.parse import urlencode, urlsplit, urlunsplit

from django.db import transaction
from django.utils import timezone

from billing.payments.errors import CustomerGone, NoPaymentMethod, PaymentsRefused
from billing.payments.gateway import GatewayMethod, Setup
from billing.payments.models import PaymentAccount
from billing.payments.registry import gateway, the_gateway
from tenants.models import Organisation
from vena_platform.errors import VenaError

logger = logging.getLogger(__name__)
State = PaymentAccount.State
SHOWN = ("state", "method", "brand", "last4", "expires_month", "expires_year", "refreshed_at")


def account_of(organisation: Organisation) -> PaymentAccount | None:
    return PaymentAccount.objects.filter(organisation=organisation).first()


def account_ensure(organisation: Organisation) -> PaymentAccount:
    """Two at once get the same customer: the provider is asked with the same key, and the row is there once."""
    account = account_of(organisation)
    known = account.customer if account else ""
    customer = the_gateway().customer_ensure(organisation_id=organisation.pk, name=organisation.name, known=known)
    if account and account.customer == customer:
        return account
    fresh = {"customer": customer, "state": State.EMPTY, "setup": "", **nothing()}
    return PaymentAccount.objects.update_or_create(organisation=organisation, defaults=fresh)[0]


def account_forget(organisation: Organisation) -> None:
    """The provider is to forget an organisation that leaves. What does not work is logged, and stays to be seen in
    `accounts_known`."""
    account = account_of(organisation)
    if account is None or account.state == State.GONE:
        return
    try:
        the_gateway().customer_forget(account.customer)
    except VenaError as error:
        logger.error("payments.customer_left", extra={"customer": account.customer, "code": error.code})
        return
    account_write(account, {**nothing(), "state": State.GONE})


def accounts_known(organisation: Organisation) -> int:
    """1 when the provider that we can reach knows this organisation."""
    if gateway() is None:
        return 0
    return PaymentAccount.objects.filter(organisation=organisation).exclude(state=State.GONE).count()


def checkout_start(*, organisation: Organisation, back: str) -> str:
    """The address of the provider's page for a payment method. It leads back with `?payment=saved` or `=cancelled`."""
    account = account_ensure(organisation)
    page = the_gateway().setup_url(
        customer=account.customer,
        organisation_id=organisation.pk,
        success=with_query(back, payment="saved"),
        cancel=with_query(back, payment="cancelled"),
    )
    PaymentAccount.objects.filter(pk=account.pk).update(setup=page.id)
    return page.url


def portal_open(*, organisation: Organisation, back: str) -> str:
    """The address of the provider's own page about this organisation's methods and payments."""
    account = account_ensure(organisation)
    return the_gateway().portal_url(customer=account.customer, back=back)


def method_refresh(*, organisation: Organisation) -> PaymentAccount | None:
    """What the provider knows now. Also finishes a page that was filled in a moment ago, before its event is here."""
    account = account_of(organisation)
    if account is None or account.state == State.GONE:
        return account
    if account.setup:
        setup_finish(account, account.setup)
    return account_read(account)


def chargeable_account(organisation: Organisation) -> PaymentAccount:
    """Raises NoPaymentMethod."""
    account = account_of(organisation)
    if account is None or account.state != State.READY:
        raise NoPaymentMethod(detail=str(organisation.pk))
    return account


def setup_finish(account: PaymentAccount, setup_id: str) -> None:
    """The method that was entered is charged from now on. Of two pages the one that was opened later counts, in
    whatever order they are heard of; the same page counts once, so it undoes no later choice."""
    try:
        setup = the_gateway().setup_of(setup_id)
    except PaymentsRefused as refused:
        logger.warning("payments.setup_unknown", extra={"setup": setup_id, "reason": refused.reason})
        forget_setup(account, setup_id)
        return
    if setup.customer != account.customer:
        logger.error("payments.setup_of_another", extra={"setup": setup_id, "customer": account.customer})
        return
    if setup.method and is_newest(account, setup):
        the_gateway().method_prefer(customer=account.customer, method=setup.method)
        PaymentAccount.objects.filter(pk=account.pk).update(setup_done_made_at=setup.created)
    if setup.is_over:
        forget_setup(account, setup_id)


def is_newest(account: PaymentAccount, setup: Setup) -> bool:
    done = PaymentAccount.objects.values_list("setup_done_made_at", flat=True).get(pk=account.pk)
    return done is None or setup.created > done


def forget_setup(account: PaymentAccount, setup_id: str) -> None:
    PaymentAccount.objects.filter(pk=account.pk, setup=setup_id).update(setup="")


def account_read(account: PaymentAccount) -> PaymentAccount:
    """Reads the method at the provider into our row."""
    try:
        method = the_gateway().method_of(account.customer)
    except CustomerGone:
        return account_write(account, {**nothing(), "state": State.GONE})
    return account_write(account, shown(method) if method else {**nothing(), "state": State.EMPTY})


@transaction.atomic
def account_write(account: PaymentAccount, values: dict[str, object]) -> PaymentAccount:
    """Not over a customer that came in the place of this one meanwhile."""
    row = PaymentAccount.objects.select_for_update().get(pk=account.pk)
    if row.customer == account.customer:
        for name, value in values.items():
            setattr(row, name, value)
        row.refreshed_at = timezone.now()
        row.save(update_fields=SHOWN)
    return row


def shown(method: GatewayMethod) -> dict[str, object]:
    return {
        "state": State.READY,
        "method": method.id,
        "brand": method.brand,
        "last4": method.last4,
        "expires_month": method.expires_month,
        "expires_year": method.expires_year,
    }


def nothing() -> dict[str, object]:
    return {"method": "", "brand": "", "last4": "", "expires_month": None, "expires_year": None}


def with_query(address: str, **values: str) -> str:
    parts = urlsplit(address)
    query = "&".join(filter(None, [parts.query, urlencode(values)]))
    return urlunsplit(parts._replace(query=query))
