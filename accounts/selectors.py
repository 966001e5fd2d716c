from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.http import HttpRequest
from django.utils import timezone
from rest_framework.request import Request

from accounts.audit.actions import audit
from accounts.audit.facts import note_key
from accounts.audit.registry import Action
from accounts.errors import GroupNotFound, InvalidApiKey, NotAllowed, NotSignedIn, PersonNotFound
from accounts.models import ApiKey, Group, User, secret_hash
from accounts.permissions import Can, Role, may
from tenants.postgresql.rows import read

KEY_SCHEME = "vena"
LAST_USE_EVERY = 60  # seconds; finer is not worth a write per request


def signed_in(request: HttpRequest | Request) -> User:
    """The person behind a request that a login or permission check has let through."""
    user = request.user
    if not isinstance(user, User):
        raise NotSignedIn
    return user


def person_by_email(email: str) -> User:
    user = User.objects.filter(email__iexact=email, is_active=True).first()
    if user is None:
        raise PersonNotFound
    return user


def is_last_owner(user: User) -> bool:
    return not User.objects.filter(role=Role.OWNER, is_active=True, is_service=False).exclude(pk=user.pk).exists()


def api_key_of(key: str) -> ApiKey:
    """The row behind `vena_<prefix>_<secret>`, with its person, within the schema that is entered."""
    scheme, _, rest = key.partition("_")
    prefix, _, secret = rest.partition("_")
    if scheme != KEY_SCHEME or not secret:
        raise InvalidApiKey
    row = ApiKey.objects.select_related("user").filter(prefix=prefix, secret_hash=secret_hash(secret)).first()
    if row is None or not row.is_live or not row.user.is_active:
        raise InvalidApiKey
    note_use(row)
    return row


def api_key_owner(key: str) -> User:
    return api_key_of(key).user


def group_ids_of(user_id: UUID) -> tuple[UUID, ...]:
    """Of the groups a person is in, in the order of their ids."""
    rows = read("SELECT group_id FROM accounts_group_members WHERE user_id = %s ORDER BY group_id", [user_id])
    return tuple(group for (group,) in rows)


def groups_by_id(ids: Iterable[UUID]) -> list[Group]:
    """All of them, or GroupNotFound."""
    wanted = set(ids)
    rows = list(Group.objects.filter(pk__in=wanted))
    if len(rows) != len(wanted):
        raise GroupNotFound
    return rows


def note_use(row: ApiKey) -> None:
    """Once a minute; the audit log hears of the first use of each day (UTC)."""
    now, before = timezone.now(), row.last_used_at
    if before is not None and (now - before).total_seconds() <= LAST_USE_EVERY:
        return
    is_first = ApiKey.objects.filter(pk=row.pk, last_used_at=before).update(last_used_at=now)
    if is_first and (before is None or before.date() < now.date()):
        note_key(row.user)
        audit(Action.KEY_USED, actor=row.user, target=f"{row.name} ({row.prefix}…)", target_id=str(row.pk))


def require(user: User, ability: Can) -> None:
    if not may(user.role, ability):
        raise NotAllowed
