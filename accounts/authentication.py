"""How REST requests say who they are: an API key, or the session of the web app."""

from __future__ import annotations

from typing import Any

from rest_framework import authentication
from rest_framework.request import Request

from accounts.models import User
from accounts.selectors import api_key_owner


def bearer(header: str) -> str | None:
    scheme, _, token = header.partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None


class ApiKeyAuthentication(authentication.BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[User, Any] | None:
        key = bearer(request.headers.get("Authorization", ""))
        return (api_key_owner(key), "api_key") if key else None

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class SessionAuthentication(authentication.SessionAuthentication):
    """The session cookie; writes need the CSRF token, as everywhere."""
