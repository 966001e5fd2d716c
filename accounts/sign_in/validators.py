"""What a new password must not be."""

from __future__ import annotations

import string
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.password_validation import CommonPasswordValidator
from django.core.exceptions import ValidationError

from accounts.sign_in.breached import BUNDLED, is_breached

ADDED = string.digits + string.punctuation + string.whitespace  # what people put around a word to please a rule
REFUSAL = "This password is among those that attackers try first. Use three or four words that do not belong together."


class BreachedPasswordValidator:
    """Refuses what is known from breaches, and a well-known word with digits and signs around it."""

    def __init__(self) -> None:
        self._common = CommonPasswordValidator()

    def validate(self, password: str, user: Any = None) -> None:
        core = password.strip(ADDED).lower()
        if is_breached(password, Path(settings.VENA_BREACHED_PASSWORDS or BUNDLED)) or core in self._common.passwords:
            raise ValidationError(REFUSAL, code="password_breached")

    def get_help_text(self) -> str:
        return "Your password can't be one that is known from a breach."
