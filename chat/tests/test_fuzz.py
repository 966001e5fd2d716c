"""Whatever fits the description of asking and uploading, and much that does not: no 5xx, nothing foreign.

The other operations are in `vena_platform/tests/isolation/test_fuzz.py`; these do their work on threads of their own.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.core import NOT_SET

from accounts.actions import api_key_issue
from accounts.models import User
from accounts.permissions import Role
from accounts.scopes import Scope
from chat.models import Conversation
from chat.tests.conftest import Ready
from chat.tests.sockets import all_answers_end
from chat.tests.web import web
from knowledge.models import Collection, Document
from tenants.context import entered, in_tenant
from tenants.models import Organisation
from vena_platform.tests.isolation.test_fuzz import ON_THREADS, REQUESTS, all_operations, cases_of
from vena_platform.tests.isolation.test_parameters import NOBODY

MARKER = "only-globex-5c2e"
NAMES = st.text(min_size=1, max_size=40) | st.sampled_from(
    ["a.md", "a.pdf", "../../a.md", "a.zip", "a\x00.md", ".md", "a.MD", "x" * 300 + ".txt", "a.docx", "a.csv"]
)

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)
SAID = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "system", "assistant", "tool", "x"]), "content": st.text(max_size=40) | ANYTHING}
)
# As OpenAI's clients ask, and as they do not: that address is in no description of ours.
COMPLETIONS = ANYTHING | st.fixed_dictionaries(
    {"messages": st.lists(SAID, max_size=3) | ANYTHING},
    optional=dict.fromkeys(("model", "stream", "temperature", "max_tokens", "stream_options", "user"), ANYTHING),
)


def drawn(strategy: st.SearchStrategy[Any], count: int) -> list[Any]:
    """Examples, always the same ones."""
    found: list[Any] = []

    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def collect(one: Any) -> None:
        found.append(one)

    collect()
    return found


def key_for(organisation: Organisation, role: Role) -> str:
    with entered(organisation.schema_name):
        person = User.objects.create_user(f"{role}@fuzz.example", None, name=str(role), role=role)
        return str(api_key_issue(user=person, name="fuzz", scopes=list(Scope)))


def conversation_in(organisation: Organisation, title: str) -> str:
    conversation = Conversation.objects.create(member=User.objects.earliest("date_joined"), title=title)
    return str(conversation.pk)


@pytest.mark.parametrize("role", [Role.OWNER, Role.MEMBER, Role.VIEWER], ids=str)
async def test_asking(live_acme: Organisation, live_globex: Organisation, ready: Ready, role: Role) -> None:
    await ready(live_acme)
    await ready(live_globex)
    ours = await in_tenant(live_acme.schema_name, conversation_in, live_acme, "Ours")
    theirs = await in_tenant(live_globex.schema_name, conversation_in, live_globex, MARKER)
    key = await in_tenant(live_acme.schema_name, key_for, live_acme, role)
    asking = [one for one in all_operations() if (one.method.upper(), one.path) in ON_THREADS]
    assert len(asking) == len(ON_THREADS)
    asked: list[tuple[str, Any]] = [("/v1/chat/completions", body) for body in drawn(COMPLETIONS, 4 * REQUESTS)]
    for operation in asking:
        sources = st.sampled_from([ours, theirs, NOBODY])
        for case, conversation in drawn(st.tuples(cases_of(operation), sources), REQUESTS):
            asked.append((operation.path.format_map({"conversation_id": conversation}), case.body))
    async with web(live_acme, key) as client:
        for path, value in asked:
            body = None if value is NOT_SET else json.dumps(value, default=str)
            headers = {"content-type": "application/json"} if body is not None else {}
            answer = await client.post(path, content=body, headers=headers)
            assert answer.status_code < 500, f"{path} {body}: {answer.text[:500]}"
            assert MARKER not in answer.text
    await all_answers_end()
    kept = await in_tenant(live_globex.schema_name, lambda: Conversation.objects.get(pk=theirs).messages.count())
    assert kept == 0


@pytest.mark.parametrize("role", [Role.EDITOR, Role.MEMBER], ids=str)
async def test_uploading(live_acme: Organisation, live_globex: Organisation, ready: Ready, role: Role) -> None:
    await ready(live_acme)
    await ready(live_globex)
    key = await in_tenant(live_acme.schema_name, key_for, live_acme, role)
    ours = await in_tenant(live_acme.schema_name, lambda: str(Collection.objects.earliest("created_at").pk))
    theirs = await in_tenant(live_globex.schema_name, lambda: str(Collection.objects.create(name=MARKER).pk))
    before = await in_tenant(live_globex.schema_name, Document.objects.count)
    names = st.sampled_from(["external_id", "tags", "dated_on", "url", "title", "unknown"])
    fields = st.dictionaries(names, st.text(max_size=60), max_size=3)
    tries = st.tuples(NAMES, st.binary(max_size=400), st.sampled_from([ours, theirs, NOBODY, "x"]), fields)
    async with web(live_acme, key) as client:
        for name, content, collection, more in drawn(tries, 6 * REQUESTS):
            answer = await client.post(
                "/api/v1/documents/", data={"collection": collection, **more}, files={"file": (name, content)}
            )
            assert answer.status_code < 500, f"{name!r} {more}: {answer.text[:500]}"
            assert MARKER not in answer.text
    assert await in_tenant(live_globex.schema_name, Document.objects.count) == before
