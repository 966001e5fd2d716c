"""Secrets at rest: encrypted with a key that is not in the database, and bound to whom they belong to.

`python -m vena_platform.secrets` prints a new key for VENA_ENCRYPTION_KEYS.
"""

from __future__ import annotations

import base64
import hashlib
import sys
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from vena_platform.errors import VenaError


class SecretUnreadable(VenaError):
    code, status = "secret_unreadable", 500
    message = "A stored secret can't be read any more. Ask your administrator to enter it again."


def sealed(owner: str, secret: str) -> str:
    """Encrypted with the newest key. `owner` is the schema of the organisation: for another one it does not open."""
    return box().encrypt(f"{owner}\n{secret}".encode()).decode()


def opened(owner: str, token: str) -> str:
    """Raises SecretUnreadable: no key of ours fits, or it belongs to somebody else."""
    try:
        found, _, secret = box().decrypt(token.encode()).decode().partition("\n")
    except InvalidToken:
        raise SecretUnreadable(detail=f"{owner}: no encryption key fits") from None
    if found != owner:
        raise SecretUnreadable(detail=f"{owner}: sealed for somebody else")
    return secret


def resealed(owner: str, token: str) -> str:
    """The same secret under the newest key. Raises SecretUnreadable."""
    return sealed(owner, opened(owner, token))


def box() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.VENA_ENCRYPTION_KEYS])


def key_from(text: str) -> str:
    """A key that always follows from `text`: for a machine of one developer, where nobody is to set one up."""
    return base64.urlsafe_b64encode(hashlib.sha256(f"vena secrets {text}".encode()).digest()).decode()


def checked_keys(keys: Sequence[str]) -> list[str]:
    try:
        MultiFernet([Fernet(key) for key in keys])
    except ValueError as error:
        raise ImproperlyConfigured(
            "VENA_ENCRYPTION_KEYS takes 32 bytes in URL-safe base64 each; `python -m vena_platform.secrets` makes one."
        ) from error
    return list(keys)


if __name__ == "__main__":
    sys.stdout.write(f"{Fernet.generate_key().decode()}\n")
