"""How programs say who they are: an API key. Pages use the session, whose writes need the CSRF token as everywhere."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework import authentication, permissions
from rest_framework.request import Request

from accounts.audit.facts import KeyUsed, note_key
from accounts.models import ApiKey, User
from accounts.scopes import require_scope
from accounts.selectors import api_key_of


def bearer(header: str) -> str | None:
    scheme, _, token = header.partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None


class ApiKeyAuthentication(authentication.BaseAuthentication):
    """`request.auth` is the key; with a session it is None."""

    def authenticate(self, request: Request) -> tuple[User, ApiKey] | None:
        given = bearer(request.headers.get("Authorization", ""))
        if not given:
            return None
        key = api_key_of(given)
        note_key(key.user, KeyUsed(key.pk, key.label))
        return key.user, key

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class KeyMay(permissions.BasePermission):
    """What a key is for: asked before every view of the API, whatever it does."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if isinstance(request.auth, ApiKey):
            require_scope(request.auth.scopes, request.method or "", request.path)
        return True


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the API description tells programs to send their key."""

    target_class = ApiKeyAuthentication
    name = "apiKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "An API key of this organisation: vena_…"}
