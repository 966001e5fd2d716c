from __future__ import annotations

from django.http import HttpRequest
from django.utils import timezone
from rest_framework.request import Request

from accounts.errors import InvalidApiKey, NotAllowed, NotSignedIn, PersonNotFound
from accounts.models import ApiKey, User, secret_hash
from accounts.permissions import Can, Role, may

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
    return not User.objects.filter(role=Role.OWNER, is_active=True).exclude(pk=user.pk).exists()


def api_key_owner(key: str) -> User:
    """The person behind `vena_<prefix>_<secret>`, within the schema that is entered."""
    scheme, _, rest = key.partition("_")
    prefix, _, secret = rest.partition("_")
    if scheme != KEY_SCHEME or not secret:
        raise InvalidApiKey
    row = ApiKey.objects.select_related("user").filter(prefix=prefix, secret_hash=secret_hash(secret)).first()
    if row is None or not row.is_live or not row.user.is_active:
        raise InvalidApiKey
    now = timezone.now()
    if row.last_used_at is None or (now - row.last_used_at).total_seconds() > LAST_USE_EVERY:
        ApiKey.objects.filter(pk=row.pk).update(last_used_at=now)
    return row.user


def require(user: User, ability: Can) -> None:
    if not may(user.role, ability):
        raise NotAllowed
