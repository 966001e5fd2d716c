"""Authenticator apps, passkeys and recovery codes, as allauth asks about them."""

from __future__ import annotations

from typing import Any

from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator

from accounts.sign_in.policy import SECOND_FACTORS, required
from tenants.context import active_schema
from vena_platform.secrets import opened, sealed


class SecondFactorAdapter(DefaultMFAAdapter):
    """Secrets are encrypted for their organisation; a passkey belongs to the host it was made on."""

    error_messages = DefaultMFAAdapter.error_messages | {
        "cannot_delete_authenticator": "Your organisation requires a second factor. Add another one before you remove "
        "this one.",
        "incorrect_code": "This code is not right, or it is too old. Enter the one that is shown now.",
    }

    def encrypt(self, text: str) -> str:
        return sealed(active_schema(), text)

    def decrypt(self, encrypted_text: str) -> str:
        return opened(active_schema(), encrypted_text)

    def get_totp_issuer(self) -> str:
        organisation = getattr(context.request, "organisation", None)
        return f"Vena {organisation.name}" if organisation else "Vena"

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        return {**super().get_public_key_credential_rp_entity(), "name": self.get_totp_issuer()}

    def can_delete_authenticator(self, authenticator: Authenticator) -> bool:
        """The last one stays where one is required."""
        if authenticator.type not in SECOND_FACTORS or not required().second_factor:
            return True
        others = Authenticator.objects.filter(user_id=authenticator.user_id, type__in=SECOND_FACTORS)
        return bool(others.exclude(pk=authenticator.pk).exists())

    def generate_authenticator_name(self, user: Any, type: Authenticator.Type) -> str:  # noqa: A002 - allauth's name
        number = Authenticator.objects.filter(user_id=user.pk, type=type).count() + 1
        return "Passkey" if number == 1 else f"Passkey {number}"
