"""Ids of one organisation's things, asked for by the owner of another: each is answered as an id that nobody has."""

from __future__ import annotations

import uuid
from typing import Any

from vena_platform.isolation.scratch import filled
from vena_platform.isolation.types import Attempt, Pair, Seen, World
from vena_platform.isolation.wire import Browser, Reply

# Method, address, body. What is in braces is the id of the other's thing of this kind (`scratch.MADE` and its
# neighbours). In this order they are done at home as well, so whatever deletes something stands last.
BY_ID: tuple[tuple[str, str, Any], ...] = (
    ("GET", "/documents/{document}/", None),
    ("GET", "/documents/{document}/file/", None),
    ("GET", "/c/{conversation}/", None),
    ("GET", "/people/{person}/", None),
    ("GET", "/people/groups/{group}/", None),
    ("GET", "/privacy/people/{person}/", None),
    ("GET", "/admin/accounts/user/{person}/change/", None),
    ("GET", "/admin/accounts/group/{group}/change/", None),
    ("GET", "/admin/accounts/apikey/{key}/change/", None),
    ("GET", "/admin/knowledge/document/{document}/change/", None),
    ("GET", "/admin/knowledge/collection/{collection}/change/", None),
    ("GET", "/api/v1/documents/{document}/", None),
    ("GET", "/api/v1/documents/{document}/content/", None),
    ("GET", "/api/v1/documents/{document}/versions/", None),
    ("GET", "/api/v1/documents/{document}/attempts/", None),
    ("GET", "/api/v1/documents/{document}/sections/0/", None),
    ("GET", "/api/v1/documents/?collection={collection}", None),
    ("GET", "/api/v1/collections/{collection}/", None),
    ("GET", "/api/v1/conversations/{conversation}/", None),
    ("GET", "/api/v1/conversations/{conversation}/messages/", None),
    ("GET", "/api/v1/conversations/{conversation}/export/", None),
    ("GET", "/api/v1/answers/{answer}/", None),
    ("GET", "/api/v1/golden-questions/{golden}/", None),
    ("GET", "/api/v1/budgets/{budget}/", None),
    ("PATCH", "/api/v1/documents/{document}/", {"title": "taken"}),
    ("PATCH", "/api/v1/collections/{collection}/", {"description": "taken"}),
    ("PATCH", "/api/v1/conversations/{conversation}/", {"title": "taken"}),
    ("PATCH", "/api/v1/people/{person}/", {"name": "taken"}),
    ("PATCH", "/api/v1/groups/{group}/", {"cost_centre": "taken"}),
    ("PATCH", "/api/v1/budgets/{budget}/", {"amount_gbp": "499.00"}),
    ("PUT", "/api/v1/answers/{answer}/feedback/", {"rating": 1}),
    ("POST", "/api/v1/conversations/{conversation}/messages/", {"text": "And the red one?"}),
    ("DELETE", "/api/v1/invitations/{invitation}/", None),
    ("DELETE", "/api/v1/golden-questions/{golden}/", None),
    ("DELETE", "/api/v1/groups/{group}/", None),
    ("DELETE", "/api/v1/documents/{spare}/", None),
)


def asked(pair: Pair, asker: World, owner: World, method: str, path: str, body: Any) -> Reply:
    browser = Browser(pair.address, asker.host, cookies=asker.cookies)
    return browser.ask(method, filled(path, owner), filled(body, owner) if body is not None else None)


def nobody_of(owner: World) -> World:
    """The same with ids that nobody has."""
    ids = {kind: str(uuid.uuid4()) for kind in owner.ids}
    return World(owner.organisation, owner.host, owner.marker, owner.email, owner.password, ids=ids)


def tried_abroad(pair: Pair, method: str, path: str, body: Any) -> Seen:
    """Through, if it succeeds, shows a word of the other's, or is answered otherwise than an id that nobody has."""
    nobody = nobody_of(pair.theirs)
    reply = asked(pair, pair.ours, pair.theirs, method, path, body)
    unknown = asked(pair, pair.ours, nobody, method, path, body)
    is_same = reply.without(*pair.theirs.ids.values()) == unknown.without(*nobody.ids.values())
    is_shown = pair.theirs.marker in reply.text
    told = reply.in_words + ("" if is_same else ", unlike an unknown id") + (", with the other's words" * is_shown)
    return Seen(told, reply.status < 300 or reply.status >= 500 or is_shown or not is_same)


def done_at_home(pair: Pair, method: str, path: str, body: Any) -> Seen:
    reply = asked(pair, pair.theirs, pair.theirs, method, path, body)
    return Seen(reply.in_words, reply.status < 300)


def by_id(method: str, path: str, body: Any) -> Attempt:
    return Attempt(
        "Ids",
        f"{method} {path} with the other's id",
        lambda pair: tried_abroad(pair, method, path, body),
        lambda pair: done_at_home(pair, method, path, body),
    )


ATTEMPTS = tuple(by_id(*line) for line in BY_ID)
