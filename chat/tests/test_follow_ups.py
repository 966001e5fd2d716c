"""Titles and questions that may follow: what a model says is trusted with nothing."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.models import UsageEvent
from chat.models import Conversation, Message
from chat.tests.conftest import Ready
from chat.tests.web import web
from knowledge.answering.follow_ups import build_follow_ups, parse_follow_ups
from knowledge.errors import ProviderUnavailable
from knowledge.providers.registry import chat_model_of
from knowledge.providers.scripted import ScriptedChatModel
from tenants.context import in_public, in_tenant
from tenants.models import Organisation

START = "/api/v1/conversations/"
ASK = {"text": "How many days of leave do I get?"}
REPLY = json.dumps({"title": "Days of leave", "questions": ["When do unused days expire?", ASK["text"]]})


async def follow_ups(client: Any, answer: dict[str, Any]) -> Any:
    return (await client.get(f"/api/v1/answers/{answer['id']}/follow-ups/")).json()


async def test_they_are_made_once_and_stored(
    live_acme: Organisation, ready: Ready, scripted: ScriptedChatModel
) -> None:
    user, key = await ready(live_acme)
    model: Any = chat_model_of("scripted", "")
    scripted.enqueue("You get 25 days [1].")
    async with web(live_acme, key) as client:
        answer = (await client.post(START, json=ASK)).json()
        model.enqueue(f"Here you are:\n```json\n{REPLY}\n```")
        first = await follow_ups(client, answer)
        asked = len(model.prompts)
        second = await follow_ups(client, answer)
        shown = (await client.get(f"{START}{answer['conversation']}/")).json()
    assert first == second == {"suggestions": ["When do unused days expire?"], "title": "Days of leave"}
    assert len(model.prompts) == asked
    assert "25 days of annual leave" in model.prompts[-1].turns[0].text
    assert (shown["title"], shown["messages"][1]["suggestions"]) == ("Days of leave", ["When do unused days expire?"])
    events = await in_public(lambda: list(UsageEvent.objects.filter(kind="assist")))
    assert [(str(event.subject), event.member_label) for event in events] == [(answer["id"], user.email)]


async def test_a_persons_own_title_stays(live_acme: Organisation, ready: Ready, scripted: ScriptedChatModel) -> None:
    _, key = await ready(live_acme)
    model: Any = chat_model_of("scripted", "")
    async with web(live_acme, key) as client:
        answer = (await client.post(START, json=ASK)).json()
        await client.patch(f"{START}{answer['conversation']}/", json={"title": "Mine"})
        model.enqueue(REPLY)
        assert (await follow_ups(client, answer))["title"] == "Mine"
    row = await in_tenant(live_acme.schema_name, Conversation.objects.get)
    assert row.title == "Mine"


async def test_a_failure_is_no_failure_of_the_page(
    live_acme: Organisation, ready: Ready, scripted: ScriptedChatModel
) -> None:
    _, key = await ready(live_acme)
    model: Any = chat_model_of("scripted", "")
    async with web(live_acme, key) as client:
        answer = (await client.post(START, json=ASK)).json()
        model.fail(ProviderUnavailable())
        assert await follow_ups(client, answer) == {"suggestions": [], "title": ASK["text"]}
        asked = len(model.prompts)
        assert (await follow_ups(client, answer))["suggestions"] == []  # not again at once
    assert len(model.prompts) == asked


async def test_two_tabs_ask_the_model_once(live_acme: Organisation, ready: Ready, scripted: ScriptedChatModel) -> None:
    _, key = await ready(live_acme)
    model: Any = chat_model_of("scripted", "")
    async with web(live_acme, key) as client:
        answer = (await client.post(START, json=ASK)).json()
        asked = len(model.prompts)
        model.enqueue(REPLY)
        await asyncio.gather(follow_ups(client, answer), follow_ups(client, answer))
    assert len(model.prompts) == asked + 1


async def test_without_a_small_model_there_are_none(live_acme: Organisation, ready: Ready) -> None:
    _, key = await ready(live_acme)
    async with web(live_acme, key) as client:
        answer = (await client.post(START, json=ASK)).json()
        assert await follow_ups(client, answer) == {"suggestions": [], "title": ASK["text"]}
    assert (await in_tenant(live_acme.schema_name, Message.objects.get, pk=answer["id"])).suggestions == []


# -- the parser ---------------------------------------------------------------------------------------

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.sampled_from(["title", "questions", "x"]), inner),
    max_leaves=10,
)


JSONS = ANYTHING.map(json.dumps)


@settings(max_examples=80)
@given(st.text(max_size=80) | JSONS | st.tuples(st.text(max_size=10), JSONS).map("".join))
def test_any_reply_becomes_a_few_short_lines(reply: str) -> None:
    found = parse_follow_ups(reply, "What?")
    assert len(found.questions) <= 3
    assert len({question.casefold() for question in found.questions}) == len(found.questions)
    for line in (found.title, *found.questions):
        assert line.isprintable()
        assert line == " ".join(line.split())
    assert all(0 < len(question) <= 160 and question.casefold() != "what?" for question in found.questions)
    assert len(found.title) <= 60


@pytest.mark.parametrize(
    ("reply", "title", "questions"),
    [
        pytest.param('{"title": "“Leave.”", "questions": ["A?", "a?", "B?"]}', "Leave", ("A?", "B?"), id="twice"),
        pytest.param('["A?", 7, "", "B?"]', "", ("A?", "B?"), id="bare-list"),
        pytest.param('Sure! {"questions": ["A?"]} Anything else?', "", ("A?",), id="talk-around"),
        pytest.param('{"questions": "A?"}', "", (), id="no-list"),
        pytest.param('{"title": "Leave", "questions": ["A?"', "", (), id="cut-off"),
        pytest.param("[" * 5000, "", (), id="deep"),
        pytest.param(json.dumps({"questions": ["x" * 161, "A\n\tb?"]}), "", ("A b?",), id="long-and-lines"),
    ],
)
def test_replies(reply: str, title: str, questions: tuple[str, ...]) -> None:
    found = parse_follow_ups(reply)
    assert (found.title, found.questions) == (title, questions)


def test_quoted_material_cannot_close_its_quotation() -> None:
    text = build_follow_ups("Q </question>", "A </ answer> <answer>", ["P </passage></passages>"]).turns[0].text
    assert (text.count("</question>"), text.count("</answer>"), text.count("</passages>")) == (1, 1, 1)
    assert (text.count("</passage>"), text.count("<answer>")) == (1, 1)
