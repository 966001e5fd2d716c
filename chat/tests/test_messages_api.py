"""Asking over REST: whole answers and events, through the real ASGI application."""

from __future__ import annotations

import asyncio
import threading
from typing import Any
from uuid import uuid4

import pytest

from accounts.models import ApiKey
from billing.models import UsageEvent, UsageName
from chat import asking
from chat.live import switchboard
from chat.models import Conversation, Message
from chat.tests.conftest import Ready
from chat.tests.sockets import all_answers_end, connected, joined
from chat.tests.web import streamed, web
from knowledge.errors import ProviderUnavailable
from knowledge.models import Collection
from knowledge.providers.scripted import ScriptedChatModel
from tenants.context import in_public, in_tenant
from tenants.models import Organisation

START = "/api/v1/conversations/"
ASK = {"text": "How many days of leave do I get?"}


async def count(organisation: Organisation, model: Any = Message) -> int:
    return await in_tenant(organisation.schema_name, model.objects.count)


async def test_a_question_is_answered_as_json(
    live_acme: Organisation, ready: Ready, scripted: ScriptedChatModel
) -> None:
    _, key = await ready(live_acme)
    scripted.enqueue("You get 25 days [1].", "They expire in March [1].")
    async with web(live_acme, key) as client:
        first = await client.post(START, json=ASK)
        conversation = first.json()["conversation"]
        second = await client.post(f"{START}{conversation}/messages/", json={"text": "When do they expire?"})
        shown = (await client.get(f"{START}{conversation}/")).json()
    assert (first.status_code, first.headers["content-type"]) == (200, "application/json")
    assert int(first.headers["content-length"]) == len(first.content)
    assert first.headers["ratelimit-limit"] == "600"
    assert first.headers["x-request-id"]
    assert (first.json()["status"], first.json()["text"]) == ("complete", "You get 25 days [1].")
    assert [source["n"] for source in first.json()["sources"] if source["cited"]] == [1]
    assert second.json()["text"] == "They expire in March [1]."
    assert [turn.text for turn in scripted.prompts[1].turns[:2]] == [ASK["text"], "You get 25 days."]
    assert [one["text"] for one in shown["messages"]] == [
        ASK["text"],
        "You get 25 days [1].",
        "When do they expire?",
        "They expire in March [1].",
    ]
    assert shown["messages"][1] == {k: v for k, v in first.json().items() if k not in {"conversation", "question"}}


async def test_events_are_the_sockets_frames(
    live_acme: Organisation, ready: Ready, scripted: ScriptedChatModel
) -> None:
    _, key = await ready(live_acme)
    scripted.enqueue("You get 25 days [1].", "You get 25 days [1].")
    async with streamed(live_acme, key, START, ASK) as events:
        assert (events.status, events.headers["content-type"]) == (200, "text/event-stream")
        assert events.headers["cache-control"] == "no-store"
        frames = await events.until_done()
        assert await events.raw() == b""
    async with connected(live_acme, key=key) as socket:
        # Other words: the same ones would have the kept answer.
        spoken = [await socket.ask(f"{ASK['text']} Please say it again."), *await socket.until_done()]
    assert [frame["type"] for frame in frames[:2]] == ["accepted", "sources"]
    shapes = [{frame["type"]: sorted(frame) for frame in told} for told in (frames, spoken)]
    assert shapes[0] == shapes[1]
    assert joined(frames) == frames[-1]["text"] == "You get 25 days [1]."


async def test_who_comes_back_hears_what_is_missing(
    live_acme: Organisation, ready: Ready, scripted: ScriptedChatModel
) -> None:
    _, key = await ready(live_acme)
    resume = scripted.pause("You get 25 days of leave [1].", at=3)
    async with streamed(live_acme, key, START, ASK, idempotency_key="k") as events:
        accepted = (await events.event())[1]
        seen = [(await events.event())[1] for _ in range(2)]
        after = seen[-1]["seq"]
        number = str(after)
    async with (
        streamed(live_acme, key, START, ASK, idempotency_key="k", last_event_id=number) as again,
        streamed(live_acme, key, f"/api/v1/answers/{accepted['answer']}/", last_event_id=number) as resumed,
    ):
        assert again.headers["idempotency-replayed"] == "true"
        resume.set()
        rest, other = await again.until_done(), await resumed.until_done()
    assert rest[0]["answer"] == accepted["answer"]
    assert joined(seen) + joined(rest) == joined(seen) + joined(other) == rest[-1]["text"]
    assert await count(live_acme) == 2
    # long after its end, from what is stored
    await all_answers_end()
    async with streamed(live_acme, key, f"/api/v1/answers/{accepted['answer']}/", last_event_id=number) as stored:
        assert (await stored.until_done())[-1]["text"] == rest[-1]["text"]


async def test_ids_of_events_are_sequence_numbers(
    live_acme: Organisation, ready: Ready, scripted: ScriptedChatModel
) -> None:
    _, key = await ready(live_acme)
    async with streamed(live_acme, key, START, ASK) as events:
        pairs = [await events.event()]
        while pairs[-1][1]["type"] != "done":
            pairs.append(await events.event())
    assert all(number == frame.get("seq") for number, frame in pairs)


async def test_hanging_up_does_not_stop_the_answer(
    live_acme: Organisation, ready: Ready, scripted: ScriptedChatModel
) -> None:
    _, key = await ready(live_acme)
    resume = scripted.pause("You get 25 days [1].", at=2)
    async with streamed(live_acme, key, START, ASK) as events:
        accepted = (await events.event())[1]
    resume.set()
    await all_answers_end()
    row = await in_tenant(live_acme.schema_name, Message.objects.get, pk=accepted["answer"])
    assert (row.status, row.text) == ("complete", "You get 25 days [1].")


async def test_silence_is_filled_with_comments(
    live_acme: Organisation, ready: Ready, scripted: ScriptedChatModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "HEARTBEAT", 0.05)
    _, key = await ready(live_acme)
    resume = scripted.pause("You get 25 days [1].", at=1)
    async with streamed(live_acme, key, START, ASK) as events:
        while (text := await events.raw()).startswith((b"data", b"id")):
            pass
        assert text == b": still here"
        resume.set()
        assert (await events.until_done())[-1]["status"] == "complete"


async def test_nobody_who_waits_holds_a_thread(
    live_acme: Organisation, ready: Ready, scripted: ScriptedChatModel
) -> None:
    # given
    _, key = await ready(live_acme)
    resumes = [scripted.pause("You get 25 days [1].", at=1) for _ in range(12)]
    async with web(live_acme, key) as client:
        waiting = [asyncio.ensure_future(client.post(START, json=ASK)) for _ in range(12)]
        while await count(live_acme) < 24:
            await asyncio.sleep(0.02)
        async with asyncio.timeout(20):
            while len(scripted.prompts) < 12:
                await asyncio.sleep(0.02)
        # when
        of_requests = [one for one in threading.enumerate() if one.name.startswith("ThreadPoolExecutor")]
        # then
        assert len(scripted.prompts) == 12
        assert len(of_requests) < 6
        for resume in resumes:
            resume.set()
        assert [answer.json()["status"] for answer in await asyncio.gather(*waiting)] == ["complete"] * 12


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        pytest.param({"text": ""}, 400, "invalid", id="empty"),
        pytest.param({"text": "   "}, 400, "invalid", id="blank"),
        pytest.param({}, 400, "invalid", id="missing"),
        pytest.param({"text": "x" * 4001}, 400, "invalid", id="too-long"),
        pytest.param({"text": "x", "collections": "all"}, 400, "invalid", id="collections"),
    ],
)
async def test_what_is_wrong_is_said_before_anything_is_stored(
    live_acme: Organisation, ready: Ready, body: Any, status: int, code: str
) -> None:
    _, key = await ready(live_acme)
    async with web(live_acme, key, Accept="text/event-stream") as client:
        refused = await client.post(START, json=body)
    assert (refused.status_code, refused.headers["content-type"]) == (status, "application/json")
    assert refused.json()["code"] == code
    assert await count(live_acme) == 0


async def test_a_failed_answer_tells_why(live_acme: Organisation, ready: Ready, scripted: ScriptedChatModel) -> None:
    _, key = await ready(live_acme)
    scripted.fail(ProviderUnavailable())
    async with web(live_acme, key) as client:
        answer = (await client.post(START, json=ASK)).json()
    assert (answer["status"], answer["error"]["code"]) == ("failed", "provider_unavailable")


async def test_a_client_id_asks_once(live_acme: Organisation, ready: Ready, scripted: ScriptedChatModel) -> None:
    _, key = await ready(live_acme)
    asked = {**ASK, "client_id": str(uuid4())}
    async with web(live_acme, key) as client:
        first, second = await client.post(START, json=asked), await client.post(START, json=asked)
        too_long = await client.post(START, json=ASK, headers={"Idempotency-Key": "k" * 201})
    assert first.json() == second.json()
    assert "idempotency-replayed" not in first.headers
    assert second.headers["idempotency-replayed"] == "true"
    assert (too_long.status_code, await count(live_acme)) == (400, 2)


async def test_only_the_person_reads_and_asks(
    live_acme: Organisation, live_globex: Organisation, ready: Ready, make_person: Any, make_key: Any
) -> None:
    _, key = await ready(live_acme)

    def keys() -> tuple[str, str]:
        colleague = make_person(live_acme, "bob@example.org")
        stranger = make_person(live_globex, "eve@example.org")
        return make_key(live_acme, colleague), make_key(live_globex, stranger)

    colleague, stranger = await asyncio.to_thread(keys)
    async with web(live_acme, key) as client:
        mine = (await client.post(START, json=ASK)).json()
    paths = [
        ("GET", f"{START}{mine['conversation']}/messages/"),
        ("POST", f"{START}{mine['conversation']}/messages/"),
        ("GET", f"/api/v1/answers/{mine['id']}/"),
    ]
    for organisation, other, code in ((live_acme, colleague, 404), (live_globex, stranger, 404)):
        async with web(organisation, other) as client:
            for method, path in paths:
                refused = await client.request(method, path, json=ASK if method == "POST" else None)
                assert (refused.status_code, refused.json()["code"].endswith("not_found")) == (code, True), path
            events = await client.get(paths[2][1], headers={"Accept": "text/event-stream"})
            assert (events.status_code, events.json()["code"]) == (404, "answer_not_found")
    async with web(live_globex, key) as client:  # acme's key is nobody's key there
        assert (await client.post(START, json=ASK)).status_code == 401
    assert (await count(live_acme), await count(live_globex)) == (2, 0)
    assert await count(live_globex, Conversation) == 0


async def test_deleting_stops_the_running_answer_and_keeps_the_ledger(
    live_acme: Organisation, ready: Ready, scripted: ScriptedChatModel
) -> None:
    _, key = await ready(live_acme)
    scripted.pause("You get 25 days [1].", at=2)
    async with streamed(live_acme, key, START, ASK) as events:
        accepted = (await events.event())[1]
        while (await events.event())[1]["type"] != "delta":
            pass
        async with web(live_acme, key) as client:
            gone = await client.delete(f"{START}{accepted['conversation']}/")
        assert (await events.until_done())[-1]["status"] == "stopped"
    await all_answers_end()
    assert (gone.status_code, await count(live_acme), scripted.closed) == (204, 0, 1)
    spent = await in_public(lambda: list(UsageEvent.objects.filter(subject=accepted["answer"], kind="chat")))
    assert [event.outcome for event in spent] == ["stopped"]
    collection = await in_tenant(live_acme.schema_name, Collection.objects.get)
    used = await in_tenant(live_acme.schema_name, ApiKey.objects.get)
    (event,) = spent
    assert str(event.conversation_id) == accepted["conversation"]
    assert (event.collection_ids, event.api_key_id) == ([collection.pk], used.pk)
    names = await in_public(lambda: set(UsageName.objects.values_list("organisation_id", "kind", "label")))
    assert names >= {(live_acme.pk, "key", f"vena_{used.prefix}…"), (live_acme.pk, "collection", collection.name)}


@pytest.mark.parametrize("path", [START, "/v1/chat/completions"], ids=["conversations", "openai"])
async def test_a_server_that_leaves_takes_no_question(
    live_acme: Organisation, ready: Ready, scripted: ScriptedChatModel, path: str
) -> None:
    _, key = await ready(live_acme)
    switchboard().is_leaving = True
    try:
        body = ASK if path == START else {"model": "vena", "messages": [{"role": "user", "content": ASK["text"]}]}
        async with web(live_acme, key) as client:
            refused = await client.post(path, json=body)
    finally:
        switchboard().is_leaving = False
    assert refused.status_code == 503
    assert "server_restarting" in refused.text
    assert await count(live_acme) == 0
