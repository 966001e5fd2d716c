"""Whatever fits the API's description, and much that does not, sent with each role's key: no 5xx, nothing foreign.

Ids in addresses are ours, theirs, or nobody's. `VENA_FUZZ=200` says how many requests are made of each operation.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from functools import cache
from typing import Any, cast

import pytest
import schemathesis
from django.db import transaction
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.core import NOT_SET

from accounts.actions import api_key_issue
from accounts.models import User
from accounts.permissions import Role
from accounts.scopes import Scope
from conftest import Host
from tenants.context import entered
from vena_platform.tests.isolation.cases import NAMES_NO_ROW, ROWS_NAMED
from vena_platform.tests.isolation.conftest import Worlds
from vena_platform.tests.isolation.test_parameters import NOBODY, untouched

REQUESTS = int(os.environ.get("VENA_FUZZ", "2"))
# Their work is done on threads of their own, which see only what is committed: they are in `chat/tests/test_fuzz.py`.
ON_THREADS = {
    ("POST", "/api/v1/conversations/"),
    ("POST", "/api/v1/conversations/{conversation_id}/messages/"),
}


JSON = "application/json"


@cache
def all_operations() -> list[Any]:
    described = SchemaGenerator(urlconf="vena_platform.urls_api").get_schema(request=None, public=True)
    text = json.dumps(described, default=str).replace('"format": "binary"', '"format": "text"')
    schema = schemathesis.openapi.from_dict(json.loads(text))
    return [cast(Any, result).ok() for result in schema.get_all_operations()]


def operations() -> list[Any]:
    found = all_operations()
    wanted = os.environ.get("VENA_FUZZ_PATH", "")  # only these operations
    found = [one for one in found if wanted in one.path]
    takes_json = [one for one in found if not one.body or any(body.media_type == JSON for body in one.body)]
    return [one for one in takes_json if (one.method.upper(), one.path) not in ON_THREADS]


@pytest.fixture
def keys(worlds: Worlds, db: None) -> Iterator[dict[Role, str]]:
    found = {}
    with entered(worlds.ours.organisation.schema_name):
        for role in Role:
            person = User.objects.create_user(f"{role}@fuzz.example", None, name=str(role), role=role)
            found[role] = api_key_issue(user=person, name="fuzz", scopes=list(Scope))
    yield found


def cases_of(operation: Any) -> st.SearchStrategy[Any]:
    """Files are sent by `chat/tests/test_fuzz.py`; the tool's own check of what it made knows no bytes."""
    kind = {"media_type": JSON} if operation.body else {}
    fitting, other = (
        operation.as_strategy(generation_mode=mode, **kind)
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
    )
    both: st.SearchStrategy[Any] = fitting | other
    return both


def sent(host: Host, case: Case[Any], key: str, ids: dict[str, str]) -> Any:
    path = case.path.format_map({**{name: str(one) for name, one in case.path_parameters.items()}, **ids})
    body = None if case.body is NOT_SET else json.dumps(case.body, default=str)
    query = {name: one for name, one in (case.query or {}).items() if one is not None}
    headers = {"authorization": f"Bearer {key}"}
    more: dict[str, Any] = {"data": body, "content_type": "application/json"} if body is not None else {}
    with transaction.atomic():
        response: Any = host.generic(case.method.upper(), path, query_params=query, headers=headers, **more)
        content = b"".join(response.streaming_content) if response.streaming else response.content
        transaction.set_rollback(True)
    return response, content.decode(errors="replace")


@pytest.mark.parametrize("role", list(Role), ids=str)
def test_nothing_breaks_and_nothing_foreign_comes(
    worlds: Worlds, sessions: object, keys: dict[Role, str], ready_index: Any, role: Role
) -> None:
    ours, theirs = worlds
    ready_index(ours.organisation)
    host = Host(ours.organisation)
    host.raise_request_exception = False
    sources = [ours.id_of, theirs.id_of, lambda label: NOBODY]
    for operation in operations():

        @settings(
            max_examples=REQUESTS,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=cases_of(operation), source=st.sampled_from(sources))
        def check(case: Case[Any], source: Any) -> None:
            ids = {
                name: source(ROWS_NAMED[name])
                for name in case.path_parameters
                if name in ROWS_NAMED and name not in NAMES_NO_ROW
            }
            response, content = sent(host, case, keys[role], ids)
            assert response.status_code < 500, f"{case.method} {case.path}: {content[:500]}"
            assert theirs.marker not in content

        check()
    untouched(theirs)
