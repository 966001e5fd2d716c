"""What an API key may be used for, on top of what its person may do: one table for REST, `/v1/`, events and the socket.

An address that is not here takes no key at all: people, keys, answer policies and the like need somebody signed in.
"""

from __future__ import annotations

from collections.abc import Collection

from django.db import models

from accounts.errors import KeyNotForThis

LOOKING = frozenset({"GET", "HEAD", "OPTIONS"})


class Scope(models.TextChoices):
    READ = "read", "Read: search, documents and their files"
    ASK = "ask", "Ask: questions, answers and the conversations they are in"
    INGEST = "ingest", "Ingest: add, change and delete documents"
    USAGE = "usage", "Usage: what was spent"


EVERY = tuple(Scope.values)
NONE: tuple[str, ...] = ()
# How an address begins → the scopes of which one is needed to look, and to change. The longest beginning counts.
ADDRESSES: dict[str, tuple[Collection[str], Collection[str]]] = {
    "/api/v1/me/": (EVERY, NONE),
    "/api/v1/search/": ((Scope.READ,), (Scope.READ,)),
    "/api/v1/collections/": ((Scope.READ,), (Scope.INGEST,)),
    "/api/v1/documents/": ((Scope.READ,), (Scope.INGEST,)),
    "/api/v1/reembeddings/": ((Scope.READ,), (Scope.INGEST,)),
    "/api/v1/golden-questions/": ((Scope.READ,), (Scope.INGEST,)),
    "/api/v1/evaluations/": ((Scope.READ,), (Scope.INGEST,)),
    "/api/v1/conversations/": ((Scope.ASK,), (Scope.ASK,)),
    "/api/v1/answers/": ((Scope.ASK,), (Scope.ASK,)),
    "/api/v1/gaps/": ((Scope.ASK,), (Scope.ASK,)),
    "/api/v1/usage/": ((Scope.USAGE,), NONE),
    "/api/v1/budgets/": ((Scope.USAGE,), NONE),
    "/v1/": ((Scope.ASK,), (Scope.ASK,)),
    "/ws/chat/": ((Scope.ASK,), (Scope.ASK,)),
}


def needed(method: str, path: str) -> Collection[str]:
    """The scopes of which a key must have one; none: no key will do."""
    known = max((address for address in ADDRESSES if path.startswith(address)), key=len, default="")
    look, change = ADDRESSES.get(known, (NONE, NONE))
    return look if method in LOOKING else change


def require_scope(scopes: Collection[str], method: str, path: str) -> None:
    """Raises KeyNotForThis, which names what is missing."""
    wanted = needed(method, path)
    if set(wanted) & set(scopes):
        return
    if not wanted:
        raise KeyNotForThis("No API key can do this: sign in on the page and do it there.")
    names = " or ".join(f"“{scope}”" for scope in wanted)
    raise KeyNotForThis(f"This API key may not do this. Make one with the scope {names}.")
