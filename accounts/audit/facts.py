"""Where what is being done comes from: set once for a request or socket, so that no action needs to pass it on."""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse

from vena_platform.addresses import address_of_request

LONGEST_AGENT = 300


@dataclass(frozen=True, slots=True)
class KeyUsed:
    """An API key as reports name it."""

    id: UUID
    label: str  # how it begins, as on the page of keys


@dataclass(slots=True)
class Facts:
    """`request` is asked for its person when something is written: later than the address, the person is known."""

    address: str = ""
    user_agent: str = ""
    request: HttpRequest | None = None
    person: Any = None
    is_key: bool = False
    key: KeyUsed | None = None  # the API key that was sent
    program: str = ""  # that is nobody's, such as a directory

    @property
    def somebody(self) -> Any:
        return self.person or getattr(self.request, "user", None)


_facts: contextvars.ContextVar[Facts | None] = contextvars.ContextVar("vena_audit_facts", default=None)


def facts_now() -> Facts | None:
    """None: no person is behind it, but a task or a command."""
    return _facts.get()


def note_key(person: Any, key: KeyUsed | None = None) -> None:
    """A program acts as this person."""
    facts = _facts.get()
    if facts:
        facts.person, facts.is_key = person, True
        facts.key = key or facts.key


def key_used() -> KeyUsed | None:
    """The API key behind what is being done; None for people on the pages, and for tasks."""
    facts = _facts.get()
    return facts.key if facts else None


def note_program(name: str) -> None:
    """A program acts that belongs to no person."""
    facts = _facts.get()
    if facts:
        facts.program, facts.is_key = name, True


def facts_set(facts: Facts) -> None:
    """For a socket: what its task does comes from there, until its end."""
    _facts.set(facts)


@contextmanager
def coming_from(facts: Facts) -> Iterator[None]:
    token = _facts.set(facts)
    try:
        yield
    finally:
        _facts.reset(token)


class FactsMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        agent = request.headers.get("User-Agent", "")[:LONGEST_AGENT]
        with coming_from(Facts(address_of_request(request.META), agent, request)):
            return self.get_response(request)
