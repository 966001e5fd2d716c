"""A session or key of one organisation is nothing on any other host, at any address of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings

from conftest import Host
from vena_platform.tests.isolation.cases import PLAIN
from vena_platform.tests.isolation.conftest import Worlds
from vena_platform.tests.isolation.routes import Route, routes_of
from vena_platform.tests.isolation.rows import World
from vena_platform.tests.isolation.test_parameters import row_of

TENANT, PUBLIC = routes_of("vena_platform.urls_tenant"), routes_of("vena_platform.urls_public")
# These end the session that they get, whosever it is: nothing to see, and nothing of another organisation's ends.
ENDS_SESSIONS = {"/accounts/logout/", "/admin/logout/"}
CHANGING = re.compile(r'(?:nonce|value)="[\w+/=-]{20,}"|csrf\w*["\s:=]+[\w-]{20,}|[0-9a-f]{32}|[0-9a-f-]{36}')


def path_of(route: Route, world: World) -> str:
    """With the world's own ids, so that whoever were let in would see something."""
    values = {one: PLAIN.get(one, str(uuid4())) for one in route.parameters}
    return route.at(values | {one: world.id_of(label) for one in route.parameters if (label := row_of(route, one))})


def answer(host: Host, path: str, method: str = "get", **more: Any) -> tuple[int, str, str]:
    response = getattr(host, method)(path, **more)
    content = b"".join(response.streaming_content) if response.streaming else response.content
    return response.status_code, response.get("Location", ""), CHANGING.sub("", content.decode(errors="replace"))


def quiet(organisation: Any) -> Host:
    host = Host(organisation)
    host.raise_request_exception = False
    return host


def carrying(host: Host, session: str) -> Host:
    host.cookies[settings.SESSION_COOKIE_NAME] = session
    return host


@pytest.mark.usefixtures("db")
@pytest.mark.parametrize("is_public", [False, True], ids=["another organisation", "the public site"])
def test_a_session_is_nobody_elsewhere(worlds: Worlds, sessions: dict[World, str], is_public: bool) -> None:
    ours, theirs = worlds
    there = None if is_public else theirs.organisation
    opened = []
    for route in PUBLIC if is_public else TENANT:
        if route.path in ENDS_SESSIONS:
            continue
        path = path_of(route, theirs)
        anybody = answer(quiet(there), path)
        with_session = answer(carrying(quiet(there), sessions[ours]), path)
        assert anybody[0] < 500, path
        if with_session != anybody or theirs.marker in str(with_session) or ours.marker in str(with_session):
            opened.append(path)
    assert not opened


@pytest.mark.usefixtures("db")
def test_a_session_opens_its_own(worlds: Worlds, signed_in: Callable[[World], Host]) -> None:
    """The control: most addresses are open at home. And what they show is their own."""
    ours, theirs = worlds
    host, opened, foreign = signed_in(ours), 0, []
    for route in TENANT:
        if route.path in ENDS_SESSIONS:
            continue
        path = path_of(route, ours)
        status, place, text = answer(host, path)
        assert status < 500, path
        foreign += [path] if theirs.marker in place + text else []
        opened += status == 200
    assert not foreign
    assert opened > 0.5 * sum("GET" in route.methods for route in TENANT)


def api_calls() -> Iterator[tuple[str, Route]]:
    for route in TENANT:
        if route.path.startswith(("/api/v1/", "/v1/")) and "{rest}" not in route.path and route.path != "/v1/":
            yield from ((method.lower(), route) for method in route.methods)


def test_a_key_is_nothing_elsewhere(worlds: Worlds, db: None, make_key: Callable[..., str]) -> None:
    ours, theirs = worlds
    key = {"authorization": f"Bearer {make_key(ours.organisation, ours.owner)}"}
    tried, known, opened = quiet(theirs.organisation), quiet(ours.organisation), []
    for method, route in api_calls():
        status, _, text = answer(tried, path_of(route, theirs), method, headers=key)
        if status != 401 or theirs.marker in text:
            opened.append((method, route.path, status))
        if method == "get":
            assert answer(known, path_of(route, ours), headers=key)[0] != 401, route.path
    assert not opened
