"""A directory's tokens: made, revoked, recognised."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts.audit.actions import audit
from accounts.audit.registry import Action
from accounts.models import User, new_secret, secret_hash
from accounts.permissions import Can
from accounts.scim.errors import InvalidScimToken, TokenNotFound
from accounts.scim.models import ScimToken
from accounts.selectors import LAST_USE_EVERY, require

SCHEME = "vena-scim"


@transaction.atomic
def token_issue(*, by: User, name: str, days: int | None) -> str:
    """Make a token and return it: the only time it can be read."""
    require(by, Can.MANAGE_SIGN_IN)
    prefix, secret = new_secret()
    row = ScimToken.objects.create(
        name=name.strip()[:80],
        prefix=prefix,
        secret_hash=secret_hash(secret),
        expires_at=end_of(days),
        created_by_label=by.email,
    )
    audit(Action.SCIM_TOKEN_MADE, target=str(row), target_id=str(row.pk), detail={"days": days})
    return f"{SCHEME}_{prefix}_{secret}"


def end_of(days: int | None) -> datetime | None:
    return None if days is None else timezone.now() + timedelta(days=days)


@transaction.atomic
def token_revoke(*, by: User, token_id: UUID) -> ScimToken:
    """At once. Twice changes nothing. Raises NotAllowed, TokenNotFound."""
    require(by, Can.MANAGE_SIGN_IN)
    row = ScimToken.objects.filter(pk=token_id).first()
    if row is None:
        raise TokenNotFound
    if ScimToken.objects.filter(pk=row.pk, revoked_at=None).update(revoked_at=timezone.now()):
        audit(Action.SCIM_TOKEN_REVOKED, target=str(row), target_id=str(row.pk))
    return row


def token_of(token: str) -> ScimToken:
    """The row behind `vena-scim_<prefix>_<secret>`, in the schema that is entered. Raises InvalidScimToken."""
    scheme, _, rest = token.partition("_")
    prefix, _, secret = rest.partition("_")
    if scheme != SCHEME or not secret:
        raise InvalidScimToken
    row = ScimToken.objects.filter(prefix=prefix, secret_hash=secret_hash(secret)).first()
    if row is None or not row.is_live:
        raise InvalidScimToken
    return row


def note_use(row: ScimToken) -> None:
    """Once a minute; the audit log hears of the first use of each day (UTC)."""
    now, before = timezone.now(), row.last_used_at
    if before is not None and (now - before).total_seconds() <= LAST_USE_EVERY:
        return
    is_first = ScimToken.objects.filter(pk=row.pk, last_used_at=before).update(last_used_at=now)
    if is_first and (before is None or before.date() < now.date()):
        audit(Action.SCIM_TOKEN_USED, target=str(row), target_id=str(row.pk))
