"""Who is on the socket: the session cookie of this host, or an API key of this organisation."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.http import parse_cookie
from django.utils.crypto import constant_time_compare

from accounts.authentication import bearer
from accounts.errors import InvalidApiKey
from accounts.models import User
from accounts.selectors import api_key_owner
from tenants.context import in_tenant
from tenants.websockets import App, Scope, header

SessionStore = import_module(settings.SESSION_ENGINE).SessionStore


class SignInSocketMiddleware:
    """Puts the person into `scope["user"]`; nobody stays `None`, and the consumer refuses in words."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        schema = scope["tenant"].schema_name
        key = bearer(header(scope, b"authorization"))
        cookies = parse_cookie(header(scope, b"cookie"))
        user = await in_tenant(schema, person, key, cookies.get(settings.SESSION_COOKIE_NAME, ""))
        await self.app({**scope, "user": user}, receive, send)


def person(key: str | None, session_key: str) -> User | None:
    """Runs inside the organisation's schema, so a key or session of another one finds nothing."""
    if key:
        try:
            return api_key_owner(key)
        except InvalidApiKey:
            return None
    return session_owner(session_key) if session_key else None


def session_owner(session_key: str) -> User | None:
    session = SessionStore(session_key)
    user_id, backend = session.get(SESSION_KEY), session.get(BACKEND_SESSION_KEY)
    if not user_id or backend not in settings.AUTHENTICATION_BACKENDS:
        return None
    user = User.objects.filter(pk=user_id, is_active=True).first()
    if user is None:
        return None
    # A changed password ends old sessions, here as over HTTP.
    known = [user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()]
    return user if any(constant_time_compare(session.get(HASH_SESSION_KEY, ""), one) for one in known) else None
