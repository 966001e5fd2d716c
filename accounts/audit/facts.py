"""Where what is being done comes from: set once for a request or socket, so that no action needs to pass it on."""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse

from vena_platform.addresses import address_of_request

LONGEST_AGENT = 300


@dataclass(slots=True)
class Facts:
    """`request` is asked for its person when something is written: later than the address, the person is known."""

    address: str = ""
    user_agent: str = ""
    request: HttpRequest | None = None
    person: Any = None
    is_key: bool = False
    program: str = ""  # that is nobody's, such as a directory

    @property
    def somebody(self) -> Any:
        return self.person or getattr(self.request, "user", None)


_facts: contextvars.ContextVar[Facts | None] = contextvars.ContextVar("vena_audit_facts", default=None)


def facts_now() -> Facts | None:
    """None: no person is behind it, but a task or a command."""
    return _facts.get()


def note_key(person: Any) -> None:
    """A program acts as this person."""
    facts = _facts.get()
    if facts:
        facts.person, facts.is_key = person, True


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
