"""What is no question, and a question behind very many: through the socket and the real application."""

from __future__ import annotations

from chat.models import GapQuestion, Message
from chat.tests.conftest import Ready
from chat.tests.sockets import connected, joined
from chat.tests.stored import talk
from chat.tests.test_consumers import ledger
from knowledge.providers.scripted import ScriptedChatModel
from tenants.context import in_tenant
from tenants.models import Organisation


async def test_a_greeting_is_greeted_back_costs_nothing_and_is_no_gap(live_acme: Organisation, ready: Ready) -> None:
    _, key = await ready(live_acme)
    async with connected(live_acme, key=key) as socket:
        accepted = await socket.ask("Guten Morgen!")
        frames = await socket.until_done()
    assert (frames[-1]["status"], frames[-1]["text"]) == ("complete", joined(frames))
    assert "in Ihren Dokumenten" in frames[-1]["text"]
    assert [event for event in await ledger() if str(event.subject) == accepted["answer"]] == []
    assert not await in_tenant(live_acme.schema_name, GapQuestion.objects.exists)


async def test_a_question_behind_hundreds_of_turns_is_answered(
    live_acme: Organisation, ready: Ready, scripted: ScriptedChatModel
) -> None:
    user, key = await ready(live_acme)

    def long_talk() -> str:
        turns = [(f"How many days in year {number}?", f"You get {number} days [1].") for number in range(300)]
        conversation = talk(user, *turns)
        Message.objects.filter(role="assistant").update(status="complete")
        return str(conversation.pk)

    conversation = await in_tenant(live_acme.schema_name, long_talk)
    scripted.enqueue("In full words: how many days of leave?", "You get 25 days [1].")
    async with connected(live_acme, key=key) as socket:
        accepted = await socket.ask("And how many are there now?", conversation=conversation)
        done = (await socket.until_done())[-1]
        again = await socket.ask("And next year?", conversation=conversation)
        assert (await socket.until_done())[-1]["status"] == "complete"
    assert (accepted["conversation"], done["status"], again["conversation"]) == (conversation, "complete", conversation)
    assert sum(len(turn.text) for turn in scripted.prompts[-1].turns) < 40_000
