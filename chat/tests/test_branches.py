"""Asking in other words and asking again, through the socket: both branches stay, and each knows its own past only."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest

from chat.models import Conversation, Message
from chat.selectors import conversation_for_page
from chat.tests.conftest import Ready
from chat.tests.sockets import Socket, connected
from chat.tests.test_consumers import ledger
from knowledge.providers.scripted import ScriptedChatModel
from tenants.context import in_tenant
from tenants.models import Organisation

Frame = dict[str, Any]


async def told(socket: Socket, **frame: Any) -> tuple[Frame, Frame]:
    """What was accepted, and the end."""
    await socket.tell(frame)
    accepted = await socket.hear()
    assert accepted["type"] == "accepted", accepted
    return accepted, (await socket.until_done())[-1]


async def asked(socket: Socket, text: str, **more: Any) -> tuple[Frame, Frame]:
    return await told(socket, type="ask", text=text, client_id=str(uuid4()), **more)


async def page_of(organisation: Organisation, conversation: str) -> dict[str, Any]:
    def read() -> dict[str, Any]:
        return conversation_for_page(Conversation.objects.get(pk=conversation))

    return await in_tenant(organisation.schema_name, read)


async def test_an_edited_question_is_a_branch_of_its_own(
    live_acme: Organisation, ready: Ready, scripted: ScriptedChatModel
) -> None:
    _, key = await ready(live_acme)
    scripted.enqueue("First answer [1].", "Second answer [1].", "Third answer [1].")
    async with connected(live_acme, key=key) as socket:
        one, _ = await asked(socket, "How many days?")
        two, _ = await asked(socket, "And in June?", conversation=one["conversation"])
        edited, done = await told(
            socket, type="edit", message=two["question"], text="And in April?", client_id=str(uuid4())
        )
    assert done["text"] == "Third answer [1]."
    assert edited["conversation"] == one["conversation"]
    turns = [turn.text for turn in scripted.prompts[2].turns]
    assert any("First answer" in text for text in turns)
    assert not any("June" in text or "Second answer" in text for text in turns)
    page = await page_of(live_acme, one["conversation"])
    shown = {message["id"]: message["siblings"] for message in page["messages"]}
    assert list(shown) == [one["question"], one["answer"], edited["question"], edited["answer"]]
    assert shown[edited["question"]] == [two["question"], edited["question"]]


@pytest.mark.parametrize("named", ["question", "answer"])
async def test_another_answer_stands_beside_the_first(
    live_acme: Organisation, ready: Ready, scripted: ScriptedChatModel, named: str
) -> None:
    _, key = await ready(live_acme)
    scripted.enqueue("First answer [1].", "Second answer [1].")
    async with connected(live_acme, key=key) as socket:
        one, _ = await asked(socket, "How many days?")
        again, done = await told(socket, type="regenerate", message=one[named])
    assert (again["question"], again["client_id"], done["text"]) == (one["question"], None, "Second answer [1].")
    assert not any("First answer" in turn.text for turn in scripted.prompts[1].turns)
    page = await page_of(live_acme, one["conversation"])
    assert [message["id"] for message in page["messages"]] == [one["question"], again["answer"]]
    assert page["messages"][1]["siblings"] == [one["answer"], again["answer"]]
    assert {str(event.subject) for event in await ledger() if event.kind == "chat"} == {one["answer"], again["answer"]}


async def test_an_answer_id_names_its_question_for_an_edit(
    live_acme: Organisation, ready: Ready, scripted: ScriptedChatModel
) -> None:
    _, key = await ready(live_acme)
    async with connected(live_acme, key=key) as socket:
        one, _ = await asked(socket, "How many days?")
        edited, _ = await told(socket, type="edit", message=one["answer"], text="How many hours?")
    page = await page_of(live_acme, one["conversation"])
    assert [message["text"] for message in page["messages"]][0] == "How many hours?"
    assert page["messages"][0]["siblings"] == [one["question"], edited["question"]]


async def test_an_answer_that_is_still_written_may_be_asked_for_again(
    live_acme: Organisation, ready: Ready, scripted: ScriptedChatModel
) -> None:
    _, key = await ready(live_acme)
    resume = scripted.pause("Slow answer [1].", at=1)
    scripted.enqueue("Quick answer [1].")
    async with connected(live_acme, key=key) as socket:
        first = await socket.ask("How many days?")
        await socket.hear()
        await socket.tell({"type": "regenerate", "message": first["answer"]})
        ends: dict[str, str] = {}
        while len(ends) < 2:
            frame = await socket.hear()
            if frame["type"] == "done":
                ends[frame["answer"]] = frame["text"]
                resume.set()
    assert ends.pop(first["answer"]) == "Slow answer [1]."
    assert list(ends.values()) == ["Quick answer [1]."]


async def test_a_repeated_edit_is_asked_once(
    live_acme: Organisation, ready: Ready, scripted: ScriptedChatModel
) -> None:
    _, key = await ready(live_acme)
    async with connected(live_acme, key=key) as socket, connected(live_acme, key=key) as other:
        one, _ = await asked(socket, "How many days?")
        edit = {"type": "edit", "message": one["question"], "text": "How many hours?", "client_id": str(uuid4())}
        both = await asyncio.gather(told(socket, **edit), told(other, **edit))
    assert both[0] == both[1]
    assert len(scripted.prompts) == 2
    assert await in_tenant(live_acme.schema_name, Message.objects.count) == 4


@dataclass
class Refusal:
    name: str
    frame: Frame


REFUSED = [
    Refusal("regenerate", {"type": "regenerate"}),
    Refusal("edit", {"type": "edit", "text": "How many hours?", "client_id": str(uuid4())}),
]


@pytest.mark.parametrize("refused", REFUSED, ids=lambda each: each.name)
async def test_messages_of_others_are_not_found(
    live_acme: Organisation,
    live_globex: Organisation,
    ready: Ready,
    scripted: ScriptedChatModel,
    make_person: Any,
    make_key: Any,
    refused: Refusal,
) -> None:
    _, mine = await ready(live_acme)
    _, elsewhere = await ready(live_globex)

    def colleague() -> str:
        return str(make_key(live_acme, make_person(live_acme, "bob@example.org")))

    theirs = await asyncio.to_thread(colleague)
    async with connected(live_acme, key=mine) as socket:
        one, _ = await asked(socket, "How many days?")
        for organisation, key in ((live_acme, theirs), (live_globex, elsewhere)):
            async with connected(organisation, key=key) as other:
                for message in (one["question"], one["answer"], str(uuid4())):
                    await other.tell({**refused.frame, "message": message})
                    assert (await other.hear())["code"] == "message_not_found"
    assert await in_tenant(live_acme.schema_name, Message.objects.count) == 2
    assert await in_tenant(live_globex.schema_name, Message.objects.count) == 0


async def test_a_client_id_of_a_colleague_shows_nothing(
    live_acme: Organisation, ready: Ready, scripted: ScriptedChatModel, make_person: Any, make_key: Any
) -> None:
    _, mine = await ready(live_acme)

    def colleague() -> str:
        return str(make_key(live_acme, make_person(live_acme, "bob@example.org")))

    theirs = await asyncio.to_thread(colleague)
    client_id = str(uuid4())
    async with connected(live_acme, key=mine) as socket, connected(live_acme, key=theirs) as other:
        one, _ = await told(socket, type="ask", text="How many days?", client_id=client_id)
        refused = await other.ask("How many days?", client_id=client_id)
    assert refused["code"] == "invalid_frame"
    assert UUID(one["answer"])
