"""No key, no card and no client secret reaches a log line or an error, and only Stripe's own server is asked."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings as project

from billing.models import Payment
from billing.payments.actions import portal_open
from billing.payments.errors import PaymentsUnavailable
from billing.payments.stripe_gateway import CONNECT_SECONDS, READ_SECONDS, StripeGateway
from billing.tests.payments.stripe_server import DECLINED, StripeServer
from tenants.models import Organisation
from vena_platform.log_secrets import SECRET, redacted


def test_log_lines_hold_no_secret(
    acme: Organisation,
    stripe: StripeServer,
    with_card: Any,
    charge: Callable[..., Payment],
    deliver: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """As noisy as production can be made: the project's own logger levels with the root at DEBUG."""
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("stripe").setLevel(project.LOGGING["loggers"]["stripe"]["level"])
        with_card(acme, DECLINED)
        charge(acme)
        deliver(stripe.events_of("payment_intent.payment_failed")[0], secret="whsec_of_somebody")
        deliver(stripe.events_of("payment_intent.payment_failed")[0])
        stripe.fails = "/v1/"
        with pytest.raises(PaymentsUnavailable) as refused:
            portal_open(organisation=acme, back="https://acme.example/")
    lines = caplog.text + "".join(str(vars(one)) for one in caplog.records)
    assert "payments.changed" in lines
    for secret in (project.STRIPE_SECRET_KEY, project.STRIPE_WEBHOOK_SECRET, DECLINED, "_secret_", "exp_month", "v1="):
        assert secret not in lines
    assert (refused.value.__cause__, refused.value.__suppress_context__) == (None, True)


@pytest.mark.parametrize(
    "secret",
    [
        "sk_test_" + "51HdSGILkdIwHu7ix",
        "sk_live_" + "51HdSGILkdIwHu7ix",
        "rk_live_" + "51HdSGILkdIwHu7ix",
        "whsec_" + "dGVzdHM+b25seQ==",
        "pi_3MtwBw" + "_secret_" + "YrKJUKribcBjcG8HVhfZluoGH",
    ],
)
def test_what_looks_like_the_providers_secret_is_hidden(secret: str) -> None:
    line = redacted(f"it said {secret} and more")
    assert line == f"it said {SECRET} and more"


def test_the_client_has_limits(settings: Any) -> None:
    made = StripeGateway(secret_key="sk_test_vena0000tests", webhook_secret="whsec_x")
    requestor: Any = made._client._requestor
    assert requestor._options.base_addresses["api"] == "https://api.stripe.com"
    assert requestor._options.max_network_retries == 2
    assert requestor._client._timeout == (CONNECT_SECONDS, READ_SECONDS)
