from __future__ import annotations

from accounts.keys.actions import api_key_issue, api_key_revoke
from accounts.models import User
from accounts.permissions import Role


def owner_ensure(*, email: str, name: str, password_hash: str) -> User:
    """The organisation's first person. Repeating it changes nothing."""
    user, _ = User.objects.get_or_create(
        email=email, defaults={"name": name, "role": Role.OWNER, "password": password_hash}
    )
    return user


__all__ = ["api_key_issue", "api_key_revoke", "owner_ensure"]
