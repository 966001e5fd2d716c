"""API keys: a person's own, and those of service accounts, which outlive whoever made them."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts.audit.actions import audit
from accounts.audit.registry import Action
from accounts.errors import KeyNotFound, RoleNotYours, ScopeMissing
from accounts.models import ApiKey, User, new_secret, secret_hash
from accounts.people.ending import access_look
from accounts.permissions import Can, Role, may
from accounts.scopes import EVERY
from accounts.selectors import KEY_SCHEME, groups_by_id, require

FOR_PROGRAMS = tuple(role for role in Role if role not in (Role.OWNER, Role.ADMIN))
NOWHERE = "service.invalid"  # RFC 2606: no mail ever arrives there


@transaction.atomic
def api_key_issue(
    *,
    user: User,
    name: str,
    scopes: Sequence[str] = EVERY,
    expires_at: datetime | None = None,
    requests_per_minute: int | None = None,
    created_by: User | None = None,
) -> str:
    """Make a key and return it: the only time it can be read."""
    wanted = [scope for scope in EVERY if scope in scopes]
    if not wanted:
        raise ScopeMissing
    prefix, secret = new_secret()
    key = ApiKey.objects.create(
        user=user,
        name=name.strip()[:80],
        scopes=wanted,
        prefix=prefix,
        secret_hash=secret_hash(secret),
        expires_at=expires_at,
        requests_per_minute=requests_per_minute,
        created_by_label=created_by.email if created_by else "",
    )
    audit(Action.KEY_MADE, target=str(key), target_id=str(key.pk), detail={"person": str(user.pk), "scopes": wanted})
    return f"{KEY_SCHEME}_{prefix}_{secret}"


def own_key_issue(*, user: User, name: str, scopes: Sequence[str], days: int | None) -> str:
    require(user, Can.MAKE_KEYS)
    return api_key_issue(user=user, name=name, scopes=scopes, expires_at=end_of(days))


@transaction.atomic
def service_key_issue(
    *, by: User, name: str, role: str, scopes: Sequence[str], days: int | None, groups: Iterable[UUID] = ()
) -> str:
    """A service account of this name with a key. Its role is never above a knowledge editor's."""
    require(by, Can.MANAGE_KEYS)
    if role not in FOR_PROGRAMS:
        raise RoleNotYours("A program is never an owner or an administrator. Choose another role.")
    account = User.objects.create_user(
        f"service-{secrets.token_hex(8)}@{NOWHERE}", None, name=name.strip()[:80], role=Role(role), is_service=True
    )
    account.member_of.set(groups_by_id(groups))
    return api_key_issue(user=account, name=name, scopes=scopes, expires_at=end_of(days), created_by=by)


@transaction.atomic
def api_key_revoke(key: ApiKey) -> None:
    """At once, open sockets included. Twice changes nothing."""
    if ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=timezone.now()):
        audit(Action.KEY_REVOKED, target=str(key), target_id=str(key.pk), detail={"person": str(key.user_id)})
        access_look()
    if key.user.is_service:
        User.objects.filter(pk=key.user_id, is_service=True).update(is_active=False)


def key_revocable_by(user: User, key_id: UUID) -> ApiKey:
    """Their own, or anybody's for those who manage keys."""
    rows = ApiKey.objects.select_related("user")
    key = rows.filter(pk=key_id).first()
    if key is None or (key.user_id != user.pk and not may(user.role, Can.MANAGE_KEYS)):
        raise KeyNotFound
    return key


def end_of(days: int | None) -> datetime | None:
    return None if days is None else timezone.now() + timedelta(days=days)
