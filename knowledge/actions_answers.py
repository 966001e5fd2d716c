"""How an organisation's answers are made, and with whose keys: choosing, entering, testing, replacing, removing."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.audit.actions import audit
from accounts.audit.registry import Action
from accounts.models import User
from knowledge.errors import (
    ChoiceNotPossible,
    KeyNotFound,
    KeyNotTested,
    KeyRefused,
    ProviderAddressNotAllowed,
    ProviderRefused,
    ProviderUnavailable,
    UnknownProvider,
    UrlNotAllowed,
)
from knowledge.ingestion.web.addresses import Rules, address_of
from knowledge.models import AnswerPolicy, ProviderKey
from knowledge.own_keys import access_of, forget_keys
from knowledge.providers import breaker
from knowledge.providers.breaker import Circuit
from knowledge.providers.defaults import QUOTING, can_call, chat_providers
from knowledge.providers.guarded import addresses_of, is_allowed, is_own_network
from knowledge.providers.loops import run_in_loop
from knowledge.providers.registry import Access, own_chat_model_made
from tenants.actions import organisation_pays_itself
from tenants.types import TenantKey
from vena_platform.errors import VenaError
from vena_platform.secrets import sealed

TEST_SECONDS = 8.0
LOOK_UP_SECONDS = 4.0
HINT = 4  # characters that are shown again
LEAST_HIDDEN = 8  # characters that are not: of a shorter key nothing is shown
OFFERED = ("openai", "anthropic", QUOTING)
ANY_PORT = frozenset(range(1, 65536))


@transaction.atomic
def answer_policy_change(**changes: Any) -> AnswerPolicy:
    """Change what is named, of the fields of AnswerPolicy. Raises ChoiceNotPossible, ValidationError."""
    row = AnswerPolicy.objects.select_for_update().first() or AnswerPolicy()
    for name, value in changes.items():
        setattr(row, name, value)
    own = list(ProviderKey.objects.values_list("provider", flat=True))
    for provider in (row.primary_provider, row.backup_provider):
        if provider and not (provider in OFFERED and can_call(provider, own)):
            raise ChoiceNotPossible(detail=provider)
    row.full_clean()
    row.save()
    audit(Action.ANSWERS_CHANGED, detail={"fields": sorted(changes)})
    return row


def provider_key_set(
    *, tenant: TenantKey, provider: str, secret: str, base_url: str = "", entered_by: User | None
) -> ProviderKey:
    """Try the key at the provider, then store it. One that is refused, or can't be tried, is not stored.

    Raises UnknownProvider, ProviderAddressNotAllowed, KeyRefused, KeyNotTested.
    """
    if provider not in chat_providers():
        raise UnknownProvider(detail=provider)
    secret = secret.strip()
    if base_url:
        run_in_loop(address_checked(base_url))
    try_key(provider, Access(tenant.schema_name, uuid4(), "", secret, base_url))
    row, _ = ProviderKey.objects.update_or_create(
        provider=provider,
        defaults={
            "secret": sealed(tenant.schema_name, secret),
            "base_url": base_url,
            "hint": secret[-HINT:] if len(secret) >= HINT + LEAST_HIDDEN else "",
            "tested_at": timezone.now(),
            "tested_ok": True,
            "failure_message": "",
            "created_by_label": entered_by.email if entered_by else "",
        },
    )
    key_changed(tenant, provider)
    audit(Action.PROVIDER_KEY_SET, actor=entered_by, target=provider, target_id=str(row.pk))
    return row


def provider_key_test(*, tenant: TenantKey, provider: str) -> ProviderKey:
    """Try the stored key again, and keep what came of it. Raises KeyNotFound."""
    row = provider_key_of(provider)
    try:
        try_key(provider, access_of(tenant.schema_name, row))
        failure = ""
    except VenaError as error:
        failure = error.text
    row.tested_at, row.tested_ok, row.failure_message = timezone.now(), not failure, failure
    row.save(update_fields=["tested_at", "tested_ok", "failure_message"])
    if not failure:
        run_in_loop(breaker.forget(Circuit(tenant.schema_name, provider)))
    return row


def provider_key_remove(*, tenant: TenantKey, provider: str) -> None:
    row = provider_key_of(provider)
    audit(Action.PROVIDER_KEY_REMOVED, target=provider, target_id=str(row.pk))
    row.delete()
    key_changed(tenant, provider)


def provider_key_of(provider: str) -> ProviderKey:
    row = ProviderKey.objects.filter(provider=provider).first()
    if row is None:
        raise KeyNotFound(detail=provider)
    return row


def key_changed(tenant: TenantKey, provider: str) -> None:
    organisation_pays_itself(tenant.schema_name, list(ProviderKey.objects.values_list("provider", flat=True)))
    forget_keys(tenant.schema_name)
    run_in_loop(breaker.forget(Circuit(tenant.schema_name, provider)))


def try_key(provider: str, access: Access) -> None:
    """One real call. The provider's own words may quote the key, so they go nowhere."""
    try:
        run_in_loop(tried(provider, access), timeout=2 * TEST_SECONDS + 5)
    except ProviderRefused as error:
        raise KeyRefused(detail=f"{provider}: {error.http_status}") from None
    except (ProviderUnavailable, TimeoutError) as error:
        status = getattr(error, "http_status", None)
        raise KeyNotTested(detail=f"{provider}: {status or type(error).__name__}") from None


async def tried(provider: str, access: Access) -> None:
    known = chat_providers()[provider]
    model = own_chat_model_made(provider, known.small_model, access)
    try:
        await model.check_key(TEST_SECONDS)
    finally:
        await model.close()


async def address_checked(base_url: str) -> None:
    """Raises ProviderAddressNotAllowed. Each connection is checked again when it is made (providers/guarded.py)."""
    try:
        address = address_of(base_url, Rules(ANY_PORT, tuple(settings.VENA_PROVIDER_NETWORKS)))
        async with asyncio.timeout(LOOK_UP_SECONDS):
            found = await addresses_of(address.host, address.port)
    except (UrlNotAllowed, OSError, UnicodeError, TimeoutError) as error:
        raise ProviderAddressNotAllowed(detail=type(error).__name__) from None
    is_private = all(is_own_network(one) for one in found)
    if not found or not all(is_allowed(one) for one in found) or (address.scheme != "https" and not is_private):
        raise ProviderAddressNotAllowed(detail=address.netloc)
