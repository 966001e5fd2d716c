"""The reranker against the stub, over loopback."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator

import pytest

from bench.stub_provider import StubProvider
from knowledge.errors import ProviderRefused, ProviderUnavailable
from knowledge.providers.cohere import CohereReranker

TEXTS = ["Tea is served at four.", "Annual leave is 28 days.", "Leave of absence is unpaid."]


@pytest.fixture
def stub() -> Iterator[StubProvider]:
    with StubProvider() as running:
        yield running


@pytest.fixture
async def reranker(stub: StubProvider) -> AsyncIterator[CohereReranker]:
    reranker = CohereReranker(api_key="key", base_url=stub.url, patience=0.5)
    yield reranker
    await reranker.close()


async def test_scores_in_the_order_of_the_texts(stub: StubProvider, reranker: CohereReranker) -> None:
    scores, usage = await reranker.rerank("annual leave", TEXTS)
    assert scores == [0.0, 1.0, 0.5]
    assert (usage.provider, usage.model, usage.input_tokens, usage.output_tokens) == ("cohere", "rerank-v3.5", 1, 0)
    assert stub.last_request["documents"] == TEXTS
    assert "top_n" not in stub.last_request


async def test_texts_beyond_the_best_score_nothing(stub: StubProvider, reranker: CohereReranker) -> None:
    scores, _ = await reranker.rerank("annual leave", TEXTS, top_n=1)
    assert scores == [0.0, 1.0, 0.0]
    assert stub.last_request["top_n"] == 1


async def test_nothing_to_rank_costs_nothing(stub: StubProvider, reranker: CohereReranker) -> None:
    scores, usage = await reranker.rerank("annual leave", [])
    assert (scores, usage.input_tokens, stub.total("requests")) == ([], 0, 0)


@pytest.mark.parametrize(
    ("status", "error"),
    [(429, ProviderUnavailable), (500, ProviderUnavailable), (401, ProviderRefused), (404, ProviderRefused)],
)
async def test_errors_are_not_repeated(
    stub: StubProvider, reranker: CohereReranker, status: int, error: type[ProviderUnavailable]
) -> None:
    stub.control(status=status)
    with pytest.raises(error) as told:
        await reranker.rerank("leave", TEXTS)
    assert f"cohere: {status}" in told.value.detail
    assert stub.total("requests") == 1


@pytest.mark.parametrize("settings", [{"silent": True}, {"rerank_delay": 30}])
async def test_patience_ends(stub: StubProvider, reranker: CohereReranker, settings: dict[str, object]) -> None:
    stub.control(**settings)
    started = time.monotonic()
    with pytest.raises(ProviderUnavailable):
        await reranker.rerank("leave", TEXTS)
    assert time.monotonic() - started < 10


async def test_a_cut_connection_gets_a_second_try(stub: StubProvider, reranker: CohereReranker) -> None:
    stub.control(drop_after=0, fail_first=1)
    scores, _ = await reranker.rerank("annual leave", TEXTS)
    assert scores == [0.0, 1.0, 0.5]
    stub.control(drop_after=0, fail_first=0)
    with pytest.raises(ProviderUnavailable):
        await reranker.rerank("annual leave", TEXTS)
    assert stub.total("requests") == 4


async def test_nobody_is_there(reranker: CohereReranker) -> None:
    absent = CohereReranker(api_key="key", base_url="http://127.0.0.1:1")
    with pytest.raises(ProviderUnavailable, match="cohere"):
        await absent.rerank("leave", TEXTS)
    await absent.close()


async def test_an_answer_that_makes_no_sense(stub: StubProvider, reranker: CohereReranker) -> None:
    stub.control(garbled=True)
    with pytest.raises(ProviderUnavailable, match="cohere"):
        await reranker.rerank("leave", TEXTS)
