"""Asking again, and in other words, over the socket."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from accounts.models import User
from chat.models import Conversation
from chat.selectors import conversation_for_page
from chat.tests.conftest import Ready
from chat.tests.sockets import Socket, connected
from knowledge.providers.scripted import ScriptedChatModel
from tenants.context import in_tenant
from tenants.models import Organisation

Frame = dict[str, Any]


async def wished(socket: Socket, frame: Frame) -> Frame:
    """`accepted` of a wish whose answer is over."""
    await socket.tell(frame)
    accepted = await socket.hear()
    await socket.until_done()
    return accepted


async def page_of(organisation: Organisation, user: User, conversation: str, newest: int | None = None) -> Frame:
    def look() -> Frame:
        return conversation_for_page(Conversation.objects.get(pk=conversation, member=user), newest=newest)

    return await in_tenant(organisation.schema_name, look)


async def test_a_repeated_regenerate_answers_once(
    live_acme: Organisation, ready: Ready, scripted: ScriptedChatModel
) -> None:
    user, key = await ready(live_acme)
    async with connected(live_acme, key=key) as socket:
        first = await socket.ask("How many days?")
        await socket.until_done()
        again = {"type": "regenerate", "message": first["answer"], "client_id": str(uuid4())}
        second = await wished(socket, again)
        repeat = await wished(socket, again)
        third = await wished(socket, {"type": "regenerate", "message": first["question"]})
    assert second == repeat
    assert second["client_id"] == again["client_id"]
    assert third["client_id"] is None
    assert {one["question"] for one in (first, second, third)} == {first["question"]}
    page = await page_of(live_acme, user, first["conversation"])
    assert page["messages"][-1]["id"] == third["answer"]
    assert page["messages"][-1]["siblings"] == [first["answer"], second["answer"], third["answer"]]


async def test_an_edited_question_stands_beside_the_first(
    live_acme: Organisation, ready: Ready, scripted: ScriptedChatModel
) -> None:
    user, key = await ready(live_acme)
    async with connected(live_acme, key=key) as socket:
        first = await socket.ask("How many days?")
        await socket.until_done()
        follow = await socket.ask("And after five years?", conversation=first["conversation"])
        await socket.until_done()
        edit = {"type": "edit", "message": follow["question"], "text": "And after ten?", "client_id": str(uuid4())}
        other = await wished(socket, edit)
        assert await wished(socket, edit) == other
    page = await page_of(live_acme, user, first["conversation"])
    assert [one["id"] for one in page["messages"]] == [
        first["question"],
        first["answer"],
        other["question"],
        other["answer"],
    ]
    assert page["messages"][2]["siblings"] == [follow["question"], other["question"]]
    end = await page_of(live_acme, user, first["conversation"], newest=2)
    assert (end["has_earlier"], [one["id"] for one in end["messages"]]) == (
        True,
        [other["question"], other["answer"]],
    )


async def test_a_client_id_of_somebody_else_opens_nothing(
    live_acme: Organisation,
    live_globex: Organisation,
    ready: Ready,
    scripted: ScriptedChatModel,
    make_person: Any,
    make_key: Any,
) -> None:
    _, mine = await ready(live_acme)
    _, elsewhere = await ready(live_globex)
    theirs = await in_tenant(
        live_acme.schema_name, lambda: make_key(live_acme, make_person(live_acme, "bob@example.org"))
    )
    used = str(uuid4())
    async with connected(live_acme, key=mine) as socket:
        first = await socket.ask("How many days?", client_id=used)
        await socket.until_done()
    async with connected(live_acme, key=theirs) as colleague, connected(live_globex, key=elsewhere) as stranger:
        own = await colleague.ask("What expires?")
        await colleague.until_done()
        await colleague.tell({"type": "regenerate", "message": own["answer"], "client_id": used})
        assert (await colleague.hear())["code"] == "invalid_frame"
        for socket in (colleague, stranger):
            await socket.tell({"type": "regenerate", "message": first["answer"], "client_id": str(UUID(int=7))})
            assert (await socket.hear())["code"] == "message_not_found"
