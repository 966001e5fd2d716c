"""What an authenticator app would show."""

from __future__ import annotations

import re
import time

from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value

STEP = 30  # seconds


def code_of(secret: str, *, steps: int = 0) -> str:
    """The code of now, or of so many steps later."""
    return str(format_hotp_value(hotp_value(secret, int(time.time()) // STEP + steps)))


def secret_on(page: str) -> str:
    found = re.search(r"data-totp-secret>([A-Z2-7]+)<", page)
    assert found, "no secret on the page"
    return found.group(1)
