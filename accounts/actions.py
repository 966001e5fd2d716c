from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from accounts.models import ApiKey, User, new_secret, secret_hash
from accounts.permissions import Role
from accounts.selectors import KEY_SCHEME


@transaction.atomic
def api_key_issue(*, user: User, name: str, expires_at: datetime | None = None) -> str:
    """Make a key and return it: the only time it can be read."""
    prefix, secret = new_secret()
    ApiKey.objects.create(user=user, name=name, prefix=prefix, secret_hash=secret_hash(secret), expires_at=expires_at)
    return f"{KEY_SCHEME}_{prefix}_{secret}"


def api_key_revoke(key: ApiKey) -> None:
    ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=timezone.now())


def owner_ensure(*, email: str, name: str, password_hash: str) -> User:
    """The organisation's first person. Repeating it changes nothing."""
    user, _ = User.objects.get_or_create(
        email=email, defaults={"name": name, "role": Role.OWNER, "password": password_hash}
    )
    return user
