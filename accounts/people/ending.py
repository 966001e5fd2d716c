"""Somebody may not go on: their sessions end, and open sockets are looked at now instead of at their next check."""

from __future__ import annotations

from functools import partial

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.db import transaction
from django.dispatch import Signal
from django.utils.module_loading import import_string

from accounts.models import User
from tenants.context import active_schema, entered

SessionStore: type[SessionBase] = import_string(f"{settings.SESSION_ENGINE}.SessionStore")
access_ended = Signal()  # schema_name: something that opened sockets there may open them no more


def access_end(person: User) -> None:
    """Sessions are gone for good. Keys stand, and open nothing while the person is deactivated."""
    schema_name = active_schema()
    keys = list(UserSession.objects.filter(user=person).values_list("session_key", flat=True))
    transaction.on_commit(partial(sessions_delete, schema_name, keys))
    access_look()


def sessions_delete(schema_name: str, keys: list[str]) -> None:
    with entered(schema_name):
        for key in keys:
            SessionStore(key).delete()
        UserSession.objects.filter(session_key__in=keys).delete()


def access_look() -> None:
    """After the commit, so that whoever looks finds what was changed."""
    transaction.on_commit(partial(access_ended.send_robust, sender=None, schema_name=active_schema()))
