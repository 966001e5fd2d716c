from __future__ import annotations

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest


class MembersOnlyAdapter(DefaultAccountAdapter):
    """Nobody signs themselves up on an organisation's host: its admins add people."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_from_email(self) -> str:
        return str(super().get_from_email())
