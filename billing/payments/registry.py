"""Which payment provider stands behind the seam. Its SDK is imported only where a key is set."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.conf import settings
from django.core.signals import setting_changed
from django.dispatch import receiver
from django.utils.module_loading import import_string

from billing.payments.errors import PaymentsOff
from billing.payments.gateway import PaymentGateway

STRIPE = "billing.payments.stripe_gateway.StripeGateway"


@cache
def gateway() -> PaymentGateway | None:
    """None: there is no key, and invoices are paid by bank transfer."""
    if not settings.STRIPE_SECRET_KEY:
        return None
    made: PaymentGateway = import_string(STRIPE)(
        secret_key=settings.STRIPE_SECRET_KEY,
        webhook_secret=settings.STRIPE_WEBHOOK_SECRET,
        base=settings.STRIPE_API_BASE,
    )
    return made


def the_gateway() -> PaymentGateway:
    """Raises PaymentsOff."""
    found = gateway()
    if found is None:
        raise PaymentsOff
    return found


def forget_gateway() -> None:
    gateway.cache_clear()


@receiver(setting_changed)
def _settings_changed(*, setting: str, **kwargs: Any) -> None:
    if setting.startswith("STRIPE_"):
        forget_gateway()
