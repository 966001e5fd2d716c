"""The circuit breaker on a real Redis: when it opens, who may try, when it closes, and what happens without Redis."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from knowledge.providers import breaker
from knowledge.providers.breaker import PLATFORM, Circuit, Seen, State, failed, leave_to_call, seen, worked

PROVIDER = Circuit(PLATFORM, "openai")
OWN = Circuit("org_acme", "openai")
OTHERS_OWN = Circuit("org_globex", "openai")


@pytest.fixture(autouse=True)
def _quick(settings: Any, django_db_setup: None) -> None:
    settings.VENA_BREAKER_FAILURES = 3
    settings.VENA_BREAKER_WINDOW_SECONDS = 60.0
    settings.VENA_BREAKER_REST_SECONDS = 30.0
    breaker.forget_remembered()


async def may(circuit: Circuit) -> bool:
    """As another process would be told, that remembers nothing."""
    breaker.forget_remembered()
    return (await leave_to_call(circuit)).is_given


async def open_it(circuit: Circuit, **more: Any) -> None:
    for _ in range(3):
        await failed(circuit, **more)


async def passed(circuit: Circuit) -> None:
    """Its rest is over: the clock is Redis's, so the end is moved instead of it."""
    client = breaker._clients.get()
    assert await client.hexists(circuit.key, "until")
    await client.hset(circuit.key, "until", 1)


async def state_of(circuit: Circuit) -> State:
    return (await seen([circuit]))[0].state


async def test_it_opens_at_the_limit_and_lets_one_probe_through() -> None:
    await failed(PROVIDER)
    await failed(PROVIDER)
    assert await may(PROVIDER)
    await failed(PROVIDER)
    assert not await may(PROVIDER)
    assert await state_of(PROVIDER) is State.RESTING
    await passed(PROVIDER)
    assert await state_of(PROVIDER) is State.TRYING
    breaker.forget_remembered()
    leaves = await asyncio.gather(*[leave_to_call(PROVIDER) for _ in range(20)])
    assert [leave.is_given for leave in leaves].count(True) == 1
    assert [leave.is_probe for leave in leaves].count(True) == 1
    await worked(PROVIDER)
    assert await may(PROVIDER)
    assert await seen([PROVIDER]) == [Seen(State.WORKING)]


async def test_a_failed_probe_rests_again_at_once() -> None:
    await open_it(PROVIDER)
    await passed(PROVIDER)
    assert (await leave_to_call(PROVIDER)).is_probe
    await failed(PROVIDER, is_probe=True)
    assert not await may(PROVIDER)


async def test_a_probe_that_was_stopped_leaves_its_place_to_the_next() -> None:
    await open_it(PROVIDER)
    await passed(PROVIDER)
    assert (await leave_to_call(PROVIDER)).is_probe
    assert not await may(PROVIDER)
    await breaker.gave_up(PROVIDER)
    assert (await leave_to_call(PROVIDER)).is_probe


async def test_retry_after_opens_it_for_that_long() -> None:
    await failed(PROVIDER, rest=40.0)
    [now] = await seen([PROVIDER])
    assert now.state is State.RESTING
    assert now.until is not None
    clock = await breaker._clients.get().time()
    assert 38 < now.until - clock[0] < 42


async def test_nobody_is_kept_away_for_a_day() -> None:
    await failed(PROVIDER, rest=86_400.0)
    [now] = await seen([PROVIDER])
    clock = await breaker._clients.get().time()
    assert now.until is not None
    assert now.until - clock[0] <= breaker.LONGEST_REST + 1


async def test_failures_far_apart_do_not_add_up(settings: Any) -> None:
    settings.VENA_BREAKER_WINDOW_SECONDS = 0.1
    for _ in range(4):
        await failed(PROVIDER)
        await asyncio.sleep(0.12)
    assert await may(PROVIDER)


async def test_a_bad_own_key_rests_nobody_else() -> None:
    await open_it(OWN)
    assert [await may(OWN), await may(OTHERS_OWN), await may(PROVIDER)] == [False, True, True]
    await open_it(PROVIDER)
    assert [await may(OTHERS_OWN), await may(PROVIDER)] == [True, False]
    assert OWN.key.startswith("vena:org_acme:")  # goes with the organisation


async def test_a_working_provider_is_asked_about_once_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    real = breaker._asked

    async def counting(question: Any) -> Any:
        asked.append(1)
        return await real(question)

    monkeypatch.setattr(breaker, "_asked", counting)
    for _ in range(50):
        assert (await leave_to_call(PROVIDER)).is_given
    assert len(asked) == 1


async def test_without_redis_everything_goes_through_and_nobody_waits(settings: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:9/0"
    client = breaker._clients.drop()
    try:
        await open_it(PROVIDER)
        async with asyncio.timeout(2):
            for _ in range(100):
                assert (await leave_to_call(PROVIDER)).is_given
        assert await seen([PROVIDER]) == [Seen(State.WORKING)]
    finally:
        breaker._clients.drop()
        if client:
            await client.aclose()
