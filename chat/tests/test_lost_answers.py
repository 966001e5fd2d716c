"""A process that dies while it answers: the partial text is kept and the message is marked interrupted."""

from __future__ import annotations

import asyncio

from billing.models import UsageEvent
from chat.live import RUNNING, owner_key, switchboard
from chat.models import Message
from chat.tasks import settle_everything, settle_lost_answers
from chat.tests.conftest import Ready
from chat.tests.sockets import connected
from knowledge.providers.scripted import ScriptedChatModel
from tenants.context import in_public, in_tenant
from tenants.models import Organisation


async def test_the_sweep_settles_answers_of_dead_processes_only(
    live_acme: Organisation, ready: Ready, scripted: ScriptedChatModel
) -> None:
    _, key = await ready(live_acme)
    resume = scripted.pause("You get 25 days of leave [1].", at=3)
    async with connected(live_acme, key=key) as socket:
        accepted = await socket.ask("How many days?")
        await socket.hear()
        shown = (await socket.hear())["text"]
        board = switchboard()
        await asyncio.sleep(0.1)

        await asyncio.to_thread(settle_lost_answers)  # we are alive: nothing happens
        assert await status(live_acme, accepted["answer"]) == ("streaming", "")

        await board.redis.delete(owner_key(board.owner))
        await asyncio.to_thread(settle_lost_answers)
        state, text = await status(live_acme, accepted["answer"])
        assert state == "interrupted"
        assert text.startswith(shown)
        assert await board.redis.hgetall(RUNNING) == {}
        assert await spent(accepted["answer"]) == (1, 1, -(-len(text) // 4))  # what it had cost until then is booked
        resume.set()
        done = (await socket.until_done())[-1]
    assert await spent(accepted["answer"]) == (1, 0, done["usage"]["output_tokens"])  # it was alive: its own figures
    assert (await status(live_acme, accepted["answer"]))[0] == "interrupted"  # what has ended is not written again


async def test_a_start_without_rivals_settles_every_open_answer(
    live_acme: Organisation, ready: Ready, scripted: ScriptedChatModel
) -> None:
    _, key = await ready(live_acme)
    resume = scripted.pause("You get 25 days of leave [1].", at=3)
    async with connected(live_acme, key=key) as socket:
        accepted = await socket.ask("How many days?")
        await socket.hear()
        await asyncio.sleep(0.1)
        assert await asyncio.to_thread(settle_everything) == 1
        assert (await status(live_acme, accepted["answer"]))[0] == "interrupted"
        resume.set()
        await socket.until_done()


async def test_a_deploy_keeps_what_is_there_as_interrupted(
    live_acme: Organisation, ready: Ready, scripted: ScriptedChatModel
) -> None:
    _, key = await ready(live_acme)
    scripted.pause("You get 25 days of leave [1].", at=3)
    async with connected(live_acme, key=key) as socket:
        accepted = await socket.ask("How many days?")
        await socket.hear()
        await asyncio.sleep(0.1)
        await switchboard().close(patience=0.1)
        assert (await socket.until_done())[-1]["status"] == "interrupted"
    state, text = await status(live_acme, accepted["answer"])
    assert (state, text.startswith("You get")) == ("interrupted", True)


async def spent(answer: str) -> tuple[int, ...]:
    """Calls in the ledger, of these estimated, and output tokens; what was taken back is not counted."""

    def read() -> tuple[int, ...]:
        rows = list(UsageEvent.objects.filter(subject=answer, kind="chat"))
        signs = [-1 if row.is_counter else 1 for row in rows]
        estimated = sum(sign for sign, row in zip(signs, rows, strict=True) if row.is_estimated)
        return sum(signs), estimated, sum(row.output_tokens for row in rows)

    return await in_public(read)


async def status(organisation: Organisation, answer: str) -> tuple[str, str]:
    def read() -> tuple[str, str]:
        row = Message.objects.get(pk=answer)
        return row.status, row.text

    return await in_tenant(organisation.schema_name, read)
