"""The socket through the real ASGI application: real database, Redis and index; only the model says what we want."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.conf import settings as django_settings

from billing.models import UsageEvent
from chat.live import stream_key, switchboard
from chat.models import Conversation, Message, Source
from chat.tests.conftest import Ready
from chat.tests.sockets import Refused, all_answers_end, connected, joined
from knowledge.errors import ProviderUnavailable
from knowledge.providers.scripted import Reply, ScriptedChatModel
from tenants.context import in_public, in_tenant
from tenants.models import Organisation


def message(answer: str) -> Message:
    return Message.objects.get(pk=answer)


async def stored(organisation: Organisation, answer: str) -> Message:
    return await in_tenant(organisation.schema_name, message, answer)


async def ledger() -> list[UsageEvent]:
    return await in_public(lambda: list(UsageEvent.objects.exclude(subject=None).order_by("pk")))


async def test_a_question_is_answered_with_checked_citations(
    live_acme: Organisation, ready: Ready, scripted: ScriptedChatModel
) -> None:
    user, key = await ready(live_acme)
    scripted.enqueue("You get 25 days [1]. More is invented [9].")
    async with connected(live_acme, key=key) as socket:
        accepted = await socket.ask("How many days of leave do I get?")
        frames = await socket.until_done()
    sources, done = frames[0], frames[-1]
    assert (accepted["type"], sources["type"], done["status"]) == ("accepted", "sources", "complete")
    assert joined(frames) == done["text"] == "You get 25 days [1]. More is invented."
    assert [citation["n"] for citation in done["citations"]] == [1]
    assert done["citations"][0]["title"] == "leave"
    assert done["usage"]["model"] == "scripted"
    assert done["seq"] > max(frame["seq"] for frame in frames if frame["type"] == "delta")
    row = await stored(live_acme, accepted["answer"])
    assert (row.status, row.text, row.model) == ("complete", done["text"], "scripted")
    assert row.first_text_ms is not None
    rows = await in_tenant(live_acme.schema_name, lambda: list(Source.objects.filter(message=row)))
    assert [source.n for source in rows if source.is_cited] == [1]
    assert {str(source.n) for source in rows} == {str(source["n"]) for source in sources["sources"]}


async def test_every_provider_call_is_in_the_ledger(
    live_acme: Organisation, ready: Ready, scripted: ScriptedChatModel
) -> None:
    user, key = await ready(live_acme)
    async with connected(live_acme, key=key) as socket:
        accepted = await socket.ask("How many days?")
        done = (await socket.until_done())[-1]
    events = [event for event in await ledger() if str(event.subject) == accepted["answer"]]
    assert [(event.kind, event.outcome, event.member_label) for event in events] == [
        ("embedding", "complete", user.email),
        ("chat", "complete", user.email),
    ]
    assert events[1].input_tokens == done["usage"]["input_tokens"]
    assert events[1].output_tokens == done["usage"]["output_tokens"]


async def test_stop_keeps_what_was_shown_and_meters_it(
    live_acme: Organisation, ready: Ready, scripted: ScriptedChatModel
) -> None:
    _, key = await ready(live_acme)
    scripted.pause("You get 25 days of leave, and a lot more that nobody reads.", at=6)
    async with connected(live_acme, key=key) as socket:
        accepted = await socket.ask("How many days?")
        while (await socket.hear())["type"] != "delta":
            pass
        await asyncio.sleep(0.1)
        await socket.tell({"type": "stop", "answer": accepted["answer"]})
        done = (await socket.until_done())[-1]
    assert done["status"] == "stopped"
    assert done["text"].startswith("You get")
    assert "nobody reads" not in done["text"]
    assert (await stored(live_acme, accepted["answer"])).status == "stopped"
    chat = [event for event in await ledger() if event.kind == "chat"]
    assert [(event.outcome, event.is_estimated) for event in chat] == [("stopped", True)]
    assert scripted.closed == 1  # the provider's stream was closed, not left running


async def test_the_answer_survives_a_closed_tab(
    live_acme: Organisation, ready: Ready, scripted: ScriptedChatModel
) -> None:
    _, key = await ready(live_acme)
    resume = scripted.pause("You get 25 days [1].", at=2)
    async with connected(live_acme, key=key) as socket:
        accepted = await socket.ask("How many days?")
    resume.set()
    await all_answers_end()
    row = await stored(live_acme, accepted["answer"])
    assert (row.status, row.text) == ("complete", "You get 25 days [1].")


async def test_a_second_socket_resumes_without_gap_or_repeat(
    live_acme: Organisation, ready: Ready, scripted: ScriptedChatModel
) -> None:
    _, key = await ready(live_acme)
    resume = scripted.pause("You get 25 days of leave [1].", at=3)
    async with connected(live_acme, key=key) as first, connected(live_acme, key=key) as second:
        accepted = await first.ask("How many days?")
        seen = [await first.hear() for _ in range(2)]  # sources and the first text
        after = seen[-1]["seq"]
        await second.tell({"type": "resume", "answer": accepted["answer"], "after": after})
        resume.set()
        rest = await second.until_done()
        whole = seen + await first.until_done()
    assert joined(whole) == whole[-1]["text"] == "You get 25 days of leave [1]."
    assert joined(seen) + joined(rest) == whole[-1]["text"]


async def test_another_process_can_follow_and_stop(
    live_acme: Organisation, ready: Ready, scripted: ScriptedChatModel
) -> None:
    """What a socket in another web process sees: this process's own list of answers is hidden from it."""
    _, key = await ready(live_acme)
    scripted.pause("You get 25 days of leave and this is never said.", at=4)
    async with connected(live_acme, key=key) as socket:
        accepted = await socket.ask("How many days?")
        answer = UUID(accepted["answer"])
        await socket.hear()
        board = switchboard()
        elsewhere: list[dict[str, Any]] = []

        async def follow() -> None:
            async for sent in board.relay.follow(live_acme.key, answer, 0):
                elsewhere.append(sent.frame)

        following = asyncio.create_task(follow())
        await asyncio.sleep(0.3)
        await board.redis.publish(
            f"{django_settings.VENA_REDIS_PREFIX}:answers:stop", json.dumps(["org_globex", str(answer)])
        )
        await asyncio.sleep(0.2)
        assert not following.done()  # the same id in another organisation stops nothing
        await board.redis.publish(
            f"{django_settings.VENA_REDIS_PREFIX}:answers:stop", json.dumps(["org_acme", str(answer)])
        )
        done = (await socket.until_done())[-1]
        await asyncio.wait_for(following, 5)
    assert done["status"] == "stopped"
    assert elsewhere[-1] == done
    assert joined(elsewhere) == done["text"]


async def test_a_finished_answer_is_replayed_from_the_store(
    live_acme: Organisation, ready: Ready, scripted: ScriptedChatModel
) -> None:
    _, key = await ready(live_acme)
    async with connected(live_acme, key=key) as socket:
        accepted = await socket.ask("How many days?")
        done = (await socket.until_done())[-1]
        await all_answers_end()
        board = switchboard()
        await board.redis.delete(stream_key(live_acme.schema_name, UUID(accepted["answer"])))
        await socket.tell({"type": "resume", "answer": accepted["answer"], "after": 0})
        replayed = await socket.until_done()
    assert joined(replayed) == replayed[-1]["text"] == done["text"]
    assert replayed[-1]["citations"] == done["citations"]
    assert replayed[-1]["usage"] == done["usage"]


async def test_a_repeated_client_id_never_asks_twice(
    live_acme: Organisation, ready: Ready, scripted: ScriptedChatModel
) -> None:
    _, key = await ready(live_acme)
    client_id = str(uuid4())
    async with connected(live_acme, key=key) as first, connected(live_acme, key=key) as second:
        both = await asyncio.gather(
            first.ask("How many days?", client_id=client_id), second.ask("How many days?", client_id=client_id)
        )
        ends = await asyncio.gather(first.until_done(), second.until_done())
        again = await first.ask("How many days?", client_id=client_id)
        replayed = await first.until_done()
    assert both[0] == both[1] == again
    assert ends[0][-1]["text"] == ends[1][-1]["text"] == replayed[-1]["text"]
    assert len(scripted.prompts) == 1
    assert await in_tenant(live_acme.schema_name, Message.objects.count) == 2


async def test_the_conversation_goes_on_with_its_history(
    live_acme: Organisation, ready: Ready, scripted: ScriptedChatModel
) -> None:
    _, key = await ready(live_acme)
    scripted.enqueue("You get 25 days [1].", "They expire in March [1].")
    async with connected(live_acme, key=key) as socket:
        accepted = await socket.ask("How many days of leave do I get?")
        await socket.until_done()
        await socket.ask("And when do unused ones expire?", conversation=accepted["conversation"])
        await socket.until_done()
    turns = [turn.text for turn in scripted.prompts[1].turns]
    assert any("How many days of leave do I get?" in text for text in turns)
    assert any("You get 25 days" in text for text in turns)
    assert await in_tenant(live_acme.schema_name, Conversation.objects.count) == 1


async def test_a_failing_provider_ends_in_words(
    live_acme: Organisation, ready: Ready, scripted: ScriptedChatModel
) -> None:
    _, key = await ready(live_acme)
    scripted.fail(ProviderUnavailable(detail="503 from upstream"), text="You get 25 days", after=2)
    async with connected(live_acme, key=key) as socket:
        accepted = await socket.ask("How many days?")
        frames = await socket.until_done()
    error, done = frames[-2], frames[-1]
    assert (error["type"], error["code"], error["retryable"]) == ("error", "provider_unavailable", True)
    assert "upstream" not in error["detail"]
    assert (done["status"], done["text"]) == ("failed", joined(frames))
    row = await stored(live_acme, accepted["answer"])
    assert (row.status, row.error_code, row.text) == ("failed", "provider_unavailable", done["text"])
    assert [event.outcome for event in await ledger() if event.kind == "chat"] == ["failed"]


async def test_our_own_bug_ends_in_words_too(
    live_acme: Organisation, ready: Ready, scripted: ScriptedChatModel
) -> None:
    _, key = await ready(live_acme)
    scripted.enqueue(Reply(("never",), error=ZeroDivisionError("secret detail"), drop_after=0))
    async with connected(live_acme, key=key) as socket:
        accepted = await socket.ask("How many days?")
        frames = await socket.until_done()
        assert frames[-2]["code"] == "answer_failed"
        assert "secret" not in json.dumps(frames)
        await socket.tell({"type": "ping"})
        assert await socket.hear() == {"type": "pong"}
    assert (await stored(live_acme, accepted["answer"])).status == "failed"


async def test_nothing_found_is_said_without_asking_the_model(
    live_acme: Organisation, ready: Ready, scripted: ScriptedChatModel
) -> None:
    _, key = await ready(live_acme)
    async with connected(live_acme, key=key) as socket:
        await socket.ask("How many days?", collections=[str(uuid4())])
        done = (await socket.until_done())[-1]
    assert (done["status"], done["citations"]) == ("refused", [])
    assert scripted.prompts == []


async def test_frames_are_coalesced(live_acme: Organisation, ready: Ready, scripted: ScriptedChatModel) -> None:
    _, key = await ready(live_acme)
    scripted.enqueue(Reply(tuple(f"word{number} " for number in range(500))))
    async with connected(live_acme, key=key) as socket:
        await socket.ask("How many days?")
        frames = await socket.until_done()
    assert joined(frames) == "".join(f"word{number} " for number in range(500))
    assert sum(frame["type"] == "delta" for frame in frames) < 50


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ({"type": "dance"}, "unknown_frame"),
        ({"type": "ask", "text": " ", "client_id": str(uuid4())}, "empty_question"),
        ({"type": "ask", "text": "x" * 4001, "client_id": str(uuid4())}, "question_too_long"),
        (
            {"type": "ask", "text": "hi", "client_id": str(uuid4()), "conversation": str(uuid4())},
            "conversation_not_found",
        ),
        ({"type": "stop", "answer": str(uuid4())}, "answer_not_found"),
        ({"type": "resume", "answer": str(uuid4()), "after": 0}, "answer_not_found"),
    ],
)
async def test_refusals_are_named_and_store_nothing(
    live_acme: Organisation, ready: Ready, frame: dict[str, Any], code: str
) -> None:
    _, key = await ready(live_acme)
    async with connected(live_acme, key=key) as socket:
        await socket.tell(frame)
        assert (await socket.hear())["code"] == code
    assert await in_tenant(live_acme.schema_name, Message.objects.count) == 0


async def test_without_sign_in_the_socket_says_so_and_closes(live_acme: Organisation) -> None:
    async with connected(live_acme) as socket:
        assert (await socket.hear())["code"] == "not_signed_in"
        with pytest.raises(Refused):
            await socket.hear()


async def test_a_key_of_one_organisation_opens_nothing_in_the_other(
    live_acme: Organisation, live_globex: Organisation, ready: Ready
) -> None:
    _, key = await ready(live_acme)
    async with connected(live_globex, key=key) as socket:
        assert (await socket.hear())["code"] == "not_signed_in"
        await_closed = pytest.raises(Refused)
        with await_closed:
            await socket.hear()


async def test_a_cookie_of_one_organisation_opens_nothing_in_the_other(
    live_acme: Organisation, live_globex: Organisation, ready: Ready, on_host: Any
) -> None:
    user, _ = await ready(live_acme)

    def sign_in() -> str:
        browser = on_host(live_acme)
        browser.sign_in(user.email)
        return f"sessionid={browser.cookies['sessionid'].value}"

    cookie = await asyncio.to_thread(sign_in)
    async with connected(live_acme, cookie=cookie) as socket:
        await socket.tell({"type": "ping"})
        assert await socket.hear() == {"type": "pong"}
    async with connected(live_globex, cookie=cookie) as socket:
        assert (await socket.hear())["code"] == "not_signed_in"


async def test_answers_of_one_organisation_are_not_followed_or_stopped_from_the_other(
    live_acme: Organisation, live_globex: Organisation, ready: Ready, scripted: ScriptedChatModel
) -> None:
    _, ours = await ready(live_acme)
    _, theirs = await ready(live_globex)
    resume = scripted.pause("You get 25 days [1].", at=2)
    async with connected(live_acme, key=ours) as socket, connected(live_globex, key=theirs) as other:
        accepted = await socket.ask("How many days?")
        for frame in ("resume", "stop"):
            await other.tell({"type": frame, "answer": accepted["answer"], "after": 0})
            assert (await other.hear())["code"] == "answer_not_found"
        await other.tell(
            {"type": "ask", "text": "hi", "client_id": str(uuid4()), "conversation": accepted["conversation"]}
        )
        assert (await other.hear())["code"] == "conversation_not_found"
        resume.set()
        assert (await socket.until_done())[-1]["status"] == "complete"


async def test_a_colleague_cannot_follow_my_answer(
    live_acme: Organisation, ready: Ready, scripted: ScriptedChatModel, make_person: Any, make_key: Any
) -> None:
    _, mine = await ready(live_acme)

    def colleague() -> str:
        return str(make_key(live_acme, make_person(live_acme, "bob@example.org")))

    theirs = await asyncio.to_thread(colleague)
    async with connected(live_acme, key=mine) as socket, connected(live_acme, key=theirs) as other:
        accepted = await socket.ask("How many days?")
        await socket.until_done()
        await other.tell({"type": "resume", "answer": accepted["answer"], "after": 0})
        assert (await other.hear())["code"] == "answer_not_found"


async def test_a_suspended_organisation_answers_no_more_on_open_sockets(
    live_acme: Organisation, ready: Ready, scripted: ScriptedChatModel
) -> None:
    _, key = await ready(live_acme)
    async with connected(live_acme, key=key) as socket:
        await in_public(lambda: Organisation.objects.filter(pk=live_acme.pk).update(state="suspended"))
        refused = await socket.ask("How many days?")
    assert refused["code"] == "organisation_suspended"
    assert scripted.prompts == []


async def test_many_answers_at_once_keep_apart(
    live_acme: Organisation, live_globex: Organisation, ready: Ready, scripted: ScriptedChatModel
) -> None:
    _, ours = await ready(live_acme)
    _, theirs = await ready(live_globex)
    scripted.enqueue(*[f"Reply number {number} [1]." for number in range(12)])

    async def one(organisation: Organisation, key: str) -> tuple[str, str]:
        async with connected(organisation, key=key) as socket:
            await socket.ask(f"How many days? {uuid4()}")  # the same question would have the same answer
            frames = await socket.until_done()
            return joined(frames), frames[-1]["text"]

    results = await asyncio.gather(*(one(*pair) for pair in ((live_acme, ours), (live_globex, theirs)) * 6))
    assert all(shown == stored for shown, stored in results)
    assert len({text for _, text in results}) == 12
