"""Identity providers: made, filled in, tested, switched on and off, removed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from allauth.socialaccount.models import SocialAccount
from django.db import transaction
from django.utils import timezone
from django.utils.text import slugify

from accounts.audit.actions import audit
from accounts.audit.registry import Action
from accounts.sign_in.errors import PolicyNotPossible, ProviderNotFound, ProviderRefused
from accounts.sign_in.models import IdentityProvider
from accounts.sign_in.policy import required
from accounts.sign_in.probing import probe
from tenants.context import active_schema
from vena_platform.errors import VenaError
from vena_platform.secrets import sealed

RESERVED = frozenset({"saml", "openid-connect", "openid_connect"})  # names of allauth's own


def provider_by_id(provider_id: UUID) -> IdentityProvider:
    row = IdentityProvider.objects.filter(pk=provider_id).first()
    if row is None:
        raise ProviderNotFound
    return row


def provider_create(*, kind: str, name: str) -> IdentityProvider:
    """A draft: its addresses are known from now on, and do not change."""
    row = IdentityProvider.objects.create(kind=kind, name=name, slug=free_slug(name))
    told(row, "added")
    return row


def told(row: IdentityProvider, what: str, fields: Iterable[str] = ()) -> None:
    audit(Action.SSO_CHANGED, target=row.name, target_id=str(row.pk), detail={"act": what, "fields": sorted(fields)})


def free_slug(name: str) -> str:
    base = slugify(name)[:30].strip("-") or "provider"
    base = base if base[0].isalpha() and base not in RESERVED else f"sso-{base}"
    taken = set(IdentityProvider.objects.values_list("slug", flat=True))
    taken |= set(SocialAccount.objects.values_list("provider", flat=True).distinct())  # of providers that are gone
    return next(slug for slug in (base, *(f"{base}-{number}" for number in range(2, 1000))) if slug not in taken)


@transaction.atomic
def provider_change(row: IdentityProvider, *, secret: str = "", **fields: Any) -> IdentityProvider:
    """An empty secret keeps the one that is stored. Who changes where a provider is starts its accounts afresh."""
    if row.issuer and fields.get("issuer", row.issuer) != row.issuer:
        SocialAccount.objects.filter(provider=row.slug).delete()  # another server's people may have the same ids
    if row.entity_id and fields.get("entity_id", row.entity_id) != row.entity_id:
        SocialAccount.objects.filter(provider=row.slug).delete()
    for name, value in fields.items():
        setattr(row, name, value)
    if secret:
        row.sealed_secret = sealed(active_schema(), secret)
    row.tested_at, row.failure_message = None, ""
    row.save()
    told(row, "changed", [*fields, *(["secret"] if secret else [])])
    return row


def provider_test(row: IdentityProvider) -> IdentityProvider:
    """What was found is kept with the row."""
    try:
        if not row.is_complete:
            raise ProviderRefused("Fill in everything that the provider gave you first.")
        probe(row)
    except VenaError as error:
        row.failure_message = error.text
    else:
        row.failure_message = ""
    row.tested_at = timezone.now()
    row.save(update_fields=["tested_at", "failure_message"])
    return row


def provider_enable(row: IdentityProvider) -> IdentityProvider:
    """Raises PolicyNotPossible for one that does not work."""
    provider_test(row)
    if row.failure_message:
        raise PolicyNotPossible(row.failure_message)
    row.is_enabled = True
    row.save(update_fields=["is_enabled"])
    told(row, "switched on")
    return row


def provider_disable(row: IdentityProvider) -> IdentityProvider:
    check_not_the_only_way_in(row)
    row.is_enabled = False
    row.save(update_fields=["is_enabled"])
    told(row, "switched off")
    return row


@transaction.atomic
def provider_remove(row: IdentityProvider) -> None:
    check_not_the_only_way_in(row)
    SocialAccount.objects.filter(provider=row.slug).delete()
    told(row, "removed")
    row.delete()


def check_not_the_only_way_in(row: IdentityProvider) -> None:
    others = IdentityProvider.objects.filter(is_enabled=True).exclude(pk=row.pk)
    if row.is_enabled and required().provider and not others.exists():
        raise PolicyNotPossible(
            "Everybody has to sign in by this provider. Take that requirement away first, or switch another one on."
        )
