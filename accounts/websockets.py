"""Who is on the socket: the session cookie of this host, or an API key of this organisation."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.http import parse_cookie
from django.utils.crypto import constant_time_compare

from accounts.audit.facts import LONGEST_AGENT, Facts, KeyUsed, facts_set, note_key
from accounts.authentication import bearer
from accounts.errors import InvalidApiKey, KeyNotForThis, NotSignedIn
from accounts.models import User
from accounts.scopes import require_scope
from accounts.selectors import api_key_of, api_key_owner
from accounts.sign_in.policy import lacks_second_factor
from tenants.context import in_tenant
from tenants.websockets import App, Scope, header
from vena_platform.addresses import client_address
from vena_platform.errors import VenaError

SessionStore = import_module(settings.SESSION_ENGINE).SessionStore


@dataclass(frozen=True, slots=True)
class Credential:
    """What a socket was opened with."""

    api_key: str = field(default="", repr=False)
    session_key: str = field(default="", repr=False)


class SignInSocketMiddleware:
    """Puts the person into `scope["user"]`, and what they came with into `scope["credential"]`.

    Nobody stays `None`, and the consumer refuses in the words of `scope["refusal"]`.
    """

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        schema = scope["tenant"].schema_name
        key = bearer(header(scope, b"authorization"))
        cookies = parse_cookie(header(scope, b"cookie"))
        credential = Credential(key or "", "" if key else cookies.get(settings.SESSION_COOKIE_NAME, ""))
        facts = facts_of(scope, is_key=bool(key))
        facts_set(facts)
        user, refusal = await in_tenant(schema, admitted, credential, scope["path"])
        facts.person = user
        await self.app({**scope, "user": user, "refusal": refusal, "credential": credential}, receive, send)


def admitted(credential: Credential, path: str) -> tuple[User | None, VenaError]:
    """The person, or nobody and why. A key must be for what the socket is for, as over HTTP."""
    if credential.api_key:
        try:
            key = api_key_of(credential.api_key)
            require_scope(key.scopes, "GET", path)
        except (InvalidApiKey, KeyNotForThis) as error:
            return None, error if isinstance(error, KeyNotForThis) else NotSignedIn()
        note_key(key.user, KeyUsed(key.pk, key.label))
        return key.user, NotSignedIn()
    return session_owner(credential.session_key) if credential.session_key else None, NotSignedIn()


def facts_of(scope: Scope, *, is_key: bool) -> Facts:
    """What the audit log says of whatever this socket does."""
    peer = (scope.get("client") or ("",))[0]
    agent = header(scope, b"user-agent")[:LONGEST_AGENT]
    return Facts(client_address(peer, header(scope, b"cf-connecting-ip")), agent, is_key=is_key)


def person(credential: Credential) -> User | None:
    """Runs inside the organisation's schema, so a key or session of another one finds nothing."""
    if credential.api_key:
        try:
            return api_key_owner(credential.api_key)
        except InvalidApiKey:
            return None
    return session_owner(credential.session_key) if credential.session_key else None


def is_signed_in(credential: Credential) -> bool:
    """Whether it still opens what it opened: not revoked, expired, signed out, or of a person who has left."""
    return person(credential) is not None


def session_owner(session_key: str) -> User | None:
    session = SessionStore(session_key)
    user_id, backend = session.get(SESSION_KEY), session.get(BACKEND_SESSION_KEY)
    if not user_id or backend not in settings.AUTHENTICATION_BACKENDS:
        return None
    user = User.objects.filter(pk=user_id, is_active=True, is_support=False).first()  # support asks nothing
    if user is None:
        return None
    # A changed password ends old sessions, here as over HTTP.
    known = [user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()]
    if not any(constant_time_compare(session.get(HASH_SESSION_KEY, ""), one) for one in known):
        return None
    return None if lacks_second_factor(user, session) else user
