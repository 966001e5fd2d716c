"""An id of another organisation is answered as an id that nobody has, by every address that takes one."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.contrib.messages import get_messages
from django.db.models import UUIDField

from accounts.scim.tokens import token_issue
from conftest import Host
from tenants.context import entered
from vena_platform.isolation.evidence import table_checksums
from vena_platform.tests.isolation.cases import NAMES_NO_ROW, OIDC, PLAIN, ROWS_NAMED, body_for
from vena_platform.tests.isolation.conftest import Worlds
from vena_platform.tests.isolation.routes import Route, routes_of
from vena_platform.tests.isolation.rows import World

ADMIN = re.compile(r"^/admin/(\w+)/(\w+)/(?!{object_id}/$)")  # the shortest only leads to the change page
PROGRAMS = ("/api/", "/scim/")
NOBODY = "5f0c1b9e-8a61-4c57-9f0e-3f6d2b7a1c44"
NUMBERED_FROM_ONE = {"accounts.AuditEvent"}  # its chain begins with 1 in each organisation
NEEDS_NO_ROW = re.compile(r"^/admin/((r/{content_type_id}|\w+/\w+)/{object_id}/$|accounts/auditevent/)")
CHANGING = re.compile(
    r'(?:nonce|value)="[\w+/=-]{20,}"|csrf\w*["\s:=]+[\w-]{20,}|[0-9a-f]{32}|[0-9a-f-]{36}|"milliseconds":[\d.]+|T[\d:.]+Z'
)
ROUTES = [route for route in routes_of("vena_platform.urls_tenant") if route.parameters]


def row_of(route: Route, parameter: str) -> str | None:
    """The label of the row's model, None for what names none."""
    if parameter == "object_id" and (match := ADMIN.match(route.path)):
        label = admin_labels().get((match[1], match[2]))
        return label if label not in NUMBERED_FROM_ONE else None
    if route.path.startswith(OIDC):
        return None
    return ROWS_NAMED.get(parameter)


def admin_labels() -> dict[tuple[str, str], str]:
    from vena_platform.admin_sites import tenant_admin

    return {
        (model._meta.app_label, model._meta.model_name or ""): model._meta.label for model in tenant_admin._registry
    }


def directory_token(world: World) -> str:
    with entered(world.organisation.schema_name):
        return token_issue(by=world.owner, name="Directory", days=None)


def tried(route: Route) -> tuple[str, ...]:
    """Pages are read and sent as forms; the API uses all methods."""
    return route.methods if route.path.startswith(PROGRAMS) else ("GET", "POST")


NAMING = [route for route in ROUTES if any(row_of(route, one) for one in route.parameters)]
CASES = [(method, route) for route in NAMING for method in tried(route)]


def test_every_parameter_is_known() -> None:
    known = set(ROWS_NAMED) | set(NAMES_NO_ROW)
    unknown = {
        (route.path, one)
        for route in ROUTES
        for one in route.parameters
        if one not in known and not row_of(route, one) and not NEEDS_NO_ROW.match(route.path)
    }
    assert not unknown, "Say in cases.py, ROWS_NAMED or NAMES_NO_ROW, what these parameters of an address name."


def sent(host: Host, method: str, route: Route, ids: Callable[[str], str], ours: World) -> Any:
    values = {one: ids(label) if (label := row_of(route, one)) else PLAIN.get(one, "x") for one in route.parameters}
    body = body_for(method, route.path, ours)
    kind = {"content_type": "application/json"} if route.path.startswith(PROGRAMS) or method != "POST" else {}
    if route.path.startswith("/scim/"):
        kind["HTTP_AUTHORIZATION"] = f"Bearer {directory_token(ours)}"
    host.cookies.pop("messages", None)
    named = [ids(label) for one in route.parameters if (label := row_of(route, one))]
    response = getattr(host, method.lower())(route.at(values), body if method != "GET" else None, **kind)
    return response, seen(response, named)


def seen(response: Any, values: list[str]) -> tuple[int, str, str]:
    content = b"".join(response.streaming_content) if response.streaming else response.content
    text = content.decode(errors="replace")
    told = [str(one) for one in get_messages(response.wsgi_request)]
    place = f"{response.get('Location', '')} {told}"
    for value in values:
        text, place = text.replace(value, "ID"), place.replace(value, "ID")
    return response.status_code, place, CHANGING.sub("", text)


def untouched(world: World) -> None:
    assert table_checksums(world.organisation.schema_name) == world.checksums


def nobody_of(label: str) -> str:
    return NOBODY if isinstance(apps.get_model(label)._meta.pk, UUIDField) else "987654"


@pytest.mark.parametrize(("method", "route"), CASES, ids=[f"{method} {route.path}" for method, route in CASES])
def test_a_foreign_id_is_an_unknown_one(
    worlds: Worlds, signed_in: Callable[[World], Host], method: str, route: Route
) -> None:
    ours, theirs = worlds
    host = signed_in(ours)
    _, unknown = sent(host, method, route, nobody_of, ours)
    response, foreign = sent(host, method, route, theirs.id_of, ours)
    assert foreign == unknown
    assert response.status_code < 500
    assert theirs.marker not in str(foreign)
    if method != "GET":
        untouched(theirs)
    if response.status_code not in {403, 405}:  # what nobody may do to any row needs no control
        own, control = sent(host, method, route, ours.id_of, ours)
        assert own.status_code < 500
        assert control != unknown, "The same as for an unknown id: give a body in cases.py that is understood."
        assert theirs.marker not in str(control)
