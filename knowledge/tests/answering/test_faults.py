"""Every fault of every provider, over the real SDKs: what the person sees, and what the ledger says about it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from bench.stub_provider import reply_tokens
from knowledge.providers.defaults import label_of
from knowledge.providers.failures import filtered
from knowledge.providers.registry import chat_model_of
from knowledge.providers.scripted import ScriptedChatModel
from knowledge.tests.answering.faults import REPLY, TEXTS, Stubs, answer, running_stubs, use
from knowledge.types import AnswerSettings, ModelChoice
from tenants.models import Organisation

FAULTS: dict[str, dict[str, Any]] = {
    "refused": {},
    "401": {"status": 401},
    "429": {"status": 429, "retry_after": 7},
    "500": {"status": 500},
    "hang": {"silent": True},
    "drop": {"drop_after": 7},
    "garbage": {"garbage_after": 7},
    "very-slow": {"token_delay": 5.0},
}
MIDWAY = {"drop": 7, "garbage": 7, "very-slow": 1}  # tokens that came before
UNTOUCHED = {"refused", "401", "429", "500"}  # the provider never began: nothing is owed
OTHER = {"openai": "anthropic", "anthropic": "openai"}
NOBODY = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def stubs() -> Iterator[Stubs]:
    with running_stubs() as running:
        yield running


@pytest.fixture(autouse=True)
async def _closed(settings: Any) -> AsyncIterator[None]:
    yield
    for name in ("openai", "anthropic"):
        await chat_model_of(name).close()  # type: ignore[attr-defined]


@pytest.fixture
def scripted(settings: Any) -> ScriptedChatModel:
    settings.VENA_CHAT_PROVIDER = "scripted"
    model = chat_model_of("scripted")
    assert isinstance(model, ScriptedChatModel)
    return model


def break_it(stubs: Stubs, settings: Any, name: str, fault: str) -> None:
    stubs[name].control(**FAULTS[fault])
    settings.VENA_FIRST_TOKEN_SECONDS = 0.6 if fault == "hang" else 5.0
    settings.VENA_SILENCE_SECONDS = 0.4 if fault == "very-slow" else 5.0
    if fault == "refused":
        setattr(settings, f"{name.upper()}_BASE_URL", NOBODY + ("/v1" if name == "openai" else ""))


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("first", ["openai", "anthropic"])
async def test_the_other_provider_carries_on(
    acme_once: Organisation, stubs: Stubs, settings: Any, first: str, fault: str
) -> None:
    use(stubs, settings, primary=first)
    break_it(stubs, settings, first, fault)
    chat_model_of(OTHER[first]).prepare()  # type: ignore[attr-defined]  # as a running server has done
    seen = await answer(acme_once)

    # The person: one whole answer, nothing twice, nothing missing, and one sentence about it.
    assert seen.error is None
    assert seen.text == REPLY
    assert seen.finished is not None
    assert (seen.finished.text, seen.finished.cited, seen.finished.refused) == (REPLY, (1, 2), False)
    assert seen.codes == ["failover"]
    assert label_of(first) in seen.notices[0].detail
    assert label_of(OTHER[first]) in seen.notices[0].detail
    assert ("middle" in seen.notices[0].detail) is (fault in MIDWAY)

    # The ledger: both calls; exact where the provider told, else marked.
    failed, complete = seen.rows
    assert [(row.provider, row.outcome) for row in seen.rows] == [(first, "failed"), (OTHER[first], "complete")]
    [told] = stubs.calls(OTHER[first])
    assert told.has_told
    assert not complete.is_estimated
    assert (complete.input_tokens, complete.output_tokens) == (told.input_tokens, told.output_tokens)
    if fault in UNTOUCHED:
        assert (failed.input_tokens, failed.output_tokens, failed.is_estimated) == (0, 0, False)
        assert failed.cost_gbp == 0
    else:
        assert failed.is_estimated
        assert failed.input_tokens > 0
    for true in stubs.calls(first):
        assert not true.has_told or fault == "garbage"  # after which nobody read on
        if first == "anthropic" and fault in MIDWAY:
            assert failed.input_tokens == true.input_tokens  # it told its input before it broke
        if fault in MIDWAY:
            assert abs(failed.input_tokens - true.input_tokens) <= 0.05 * true.input_tokens + 10
            assert 1 <= failed.output_tokens <= 2 * true.output_tokens
    assert len(stubs.calls(first)) == (fault != "refused")  # nothing was repeated behind our back

    # What the person is shown of it: the sum, under the name of the one that finished.
    assert (seen.usage.provider, seen.usage.model) == (OTHER[first], complete.model)
    assert seen.usage.input_tokens == failed.input_tokens + complete.input_tokens
    assert seen.usage.output_tokens == failed.output_tokens + complete.output_tokens
    assert seen.usage.estimated is failed.is_estimated


@pytest.mark.parametrize("fault", FAULTS)
async def test_when_both_fail(acme_once: Organisation, stubs: Stubs, settings: Any, fault: str) -> None:
    use(stubs, settings)
    for name in ("openai", "anthropic"):
        break_it(stubs, settings, name, fault)
    seen = await answer(acme_once)

    assert [(row.provider, row.outcome) for row in seen.rows[:2]] == [("openai", "failed"), ("anthropic", "failed")]
    assert [row.is_estimated for row in seen.rows[:2]] == [fault not in UNTOUCHED] * 2
    if fault in MIDWAY:
        # Nobody could go on: what is there stays, and the first one's error says what to do.
        assert seen.error is not None
        assert seen.error.code == "provider_unavailable"
        assert seen.text
        assert REPLY.startswith(seen.text)
        assert seen.codes == ["failover"]
        assert len(seen.rows) == 2
    else:
        # Nothing was shown yet, so the documents are quoted, and it is said.
        assert seen.error is None
        assert seen.codes == ["failover", "quoted"]
        assert TEXTS[0] in seen.text
        assert seen.finished is not None
        assert seen.finished.cited == (1,)
        assert [(row.provider, row.model, row.outcome) for row in seen.rows[2:]] == [
            ("local", "extractive", "complete")
        ]
        assert seen.usage.model == "extractive"


@pytest.mark.parametrize("kept", [10, 30, 60])
async def test_a_stop_while_the_second_one_writes_is_metered(
    acme_once: Organisation, stubs: Stubs, settings: Any, kept: int
) -> None:
    use(stubs, settings)
    stubs.openai.control(drop_after=1)
    stubs.anthropic.control(token_delay=0.005)
    seen = await answer(acme_once, stop_after=kept)
    assert kept <= len(seen.text) < len(REPLY)
    assert [(row.provider, row.outcome) for row in seen.rows] == [("openai", "failed"), ("anthropic", "stopped")]
    [true] = stubs.calls("anthropic")
    assert seen.rows[1].is_estimated
    assert seen.rows[1].input_tokens == true.input_tokens
    assert seen.rows[1].output_tokens > 0
    assert seen.usage.input_tokens == sum(row.input_tokens for row in seen.rows)


async def test_what_a_leg_held_back_counts_as_not_shown(acme_once: Organisation, stubs: Stubs, settings: Any) -> None:
    use(stubs, settings)
    first = "There are 28 days [1]. More [2"
    stubs.openai.control(text=f"{first} and never this", end_after=len(reply_tokens(first, 0)))
    stubs.anthropic.control(text="of it [2].")
    seen = await answer(acme_once)
    assert seen.text == "There are 28 days [1]. More of it [2]."
    shown = stubs.anthropic.last_request["messages"][-2]
    assert shown == {"role": "assistant", "content": "There are 28 days [1]. More"}
    assert stubs.anthropic.last_request["messages"][-1]["role"] == "user"  # newer models refuse to be prefilled


async def test_what_a_content_filter_stops_nobody_else_is_asked(
    acme_once: Organisation, settings: Any, scripted: ScriptedChatModel
) -> None:
    scripted.fail(filtered("scripted", "content_filter"))
    seen = await answer(acme_once, AnswerSettings(backup=ModelChoice("extractive")))
    assert seen.error is not None
    assert "content filter" in seen.error.text
    assert seen.notices == []
    assert len(seen.rows) == 1


async def test_an_organisation_may_choose_both_and_their_models(
    acme_once: Organisation, stubs: Stubs, settings: Any
) -> None:
    use(stubs, settings)
    stubs.anthropic.control(status=529)
    choice = AnswerSettings(ModelChoice("anthropic", "claude-of-ours"), ModelChoice("openai", "gpt-of-ours"))
    seen = await answer(acme_once, choice)
    assert [(row.model, row.outcome) for row in seen.rows] == [
        ("claude-of-ours", "failed"),
        ("gpt-of-ours", "complete"),
    ]
    assert seen.text == REPLY


async def test_a_model_that_is_not_known_is_named_and_rests_nobody(
    acme_once: Organisation, stubs: Stubs, settings: Any
) -> None:
    use(stubs, settings)
    for name in ("openai", "anthropic"):
        stubs[name].control(status=404, drop_after=0)
    for _ in range(settings.VENA_BREAKER_FAILURES + 1):
        seen = await answer(acme_once)
        assert seen.codes == ["failover", "quoted"]
    assert len(stubs.calls("openai")) == settings.VENA_BREAKER_FAILURES + 1


async def test_a_provider_that_rests_is_not_asked(acme_once: Organisation, stubs: Stubs, settings: Any) -> None:
    use(stubs, settings)
    stubs.openai.control(status=429, retry_after=30)
    assert (await answer(acme_once)).text == REPLY
    stubs.openai.control(status=0)
    seen = await answer(acme_once)
    assert seen.text == REPLY
    assert seen.codes == ["failover"]
    assert [row.provider for row in seen.rows] == ["anthropic"]
    assert len(stubs.calls("openai")) == 1
