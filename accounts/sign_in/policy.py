"""What an organisation requires of those who sign in. Asked at every request, so it is kept in Redis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.core.cache import cache
from django.db import transaction

from accounts.sign_in.models import SignInPolicy
from tenants.context import PUBLIC, active_schema, entered

CACHE_KEY = "sign_in:policy"  # the cache puts the organisation in front
CACHE_SECONDS = 300
SECOND_FACTORS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
RECORDS = "account_authentication_methods"  # where allauth notes in the session how somebody came in
BY_PROVIDER = "socialaccount"


@dataclass(frozen=True, slots=True)
class Required:
    second_factor: bool = False
    provider: bool = False
    key_holders: frozenset[str] = frozenset()  # ids of those who may do without the provider


def required() -> Required:
    """Of the organisation whose schema is entered; in the operators' schema, of operators."""
    kept: Required | None = cache.get(CACHE_KEY)
    if kept is None:
        kept = loaded()
        cache.set(CACHE_KEY, kept, CACHE_SECONDS)
    return kept


def loaded() -> Required:
    if active_schema() == PUBLIC:
        return Required(second_factor=settings.VENA_OPERATOR_SECOND_FACTOR)
    row = SignInPolicy.objects.prefetch_related("key_holders").first()
    if row is None:
        return Required()
    holders = frozenset(str(user.pk) for user in row.key_holders.all())
    return Required(row.is_second_factor_required, row.is_provider_required, holders)


def forget_policy() -> None:
    """At once for this transaction, and again when others can see it."""
    schema = active_schema()
    cache.delete(CACHE_KEY)
    transaction.on_commit(lambda: forget_policy_of(schema))


def forget_policy_of(schema_name: str) -> None:
    with entered(schema_name):
        cache.delete(CACHE_KEY)


def has_second_factor(user: Any) -> bool:
    return bool(Authenticator.objects.filter(user_id=user.pk, type__in=SECOND_FACTORS).exists())


def came_by_provider(session: Any) -> bool:
    return any(record.get("method") == BY_PROVIDER for record in session.get(RECORDS) or [])


def must_use_provider(user: Any) -> bool:
    rules = required()
    return rules.provider and str(user.pk) not in rules.key_holders


def lacks_second_factor(user: Any, session: Any) -> bool:
    """Somebody who comes by the identity provider brings the second factor from there; support has shown its own."""
    if getattr(user, "is_support", False):
        return False
    return required().second_factor and not came_by_provider(session) and not has_second_factor(user)
