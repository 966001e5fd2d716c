from __future__ import annotations

import math
import time
from collections.abc import AsyncIterator, Iterator

import pytest

from bench.stub_provider import StubProvider
from knowledge.errors import ProviderRefused, ProviderUnavailable
from knowledge.providers.openai_embeddings import OpenAIEmbedder


@pytest.fixture
def stub() -> Iterator[StubProvider]:
    with StubProvider() as running:
        yield running


@pytest.fixture
async def embedder(stub: StubProvider) -> AsyncIterator[OpenAIEmbedder]:
    embedder = OpenAIEmbedder(
        api_key="key", base_url=stub.openai_url, batch_size=3, timeout=20, query_timeout=3, patience=1
    )
    yield embedder
    await embedder.close()


@pytest.mark.parametrize(
    ("options", "version"),
    [
        ({}, "openai-3-small-1536"),
        ({"dimensions": 256}, "openai-3-small-256"),
        (
            {"name": "nomic-embed-text:v1.5", "provider": "Ollama", "dimensions": 768},
            "ollama-nomic-embed-text-v1-5-768",
        ),
    ],
)
def test_version_names_what_makes_vectors_comparable(options: dict[str, object], version: str) -> None:
    assert OpenAIEmbedder(api_key="key", **options).version == version  # type: ignore[arg-type]


async def test_documents_in_batches(stub: StubProvider, embedder: OpenAIEmbedder) -> None:
    texts = [f"text number {number}" for number in range(7)]
    vectors, usage = await embedder.embed_documents(texts)
    assert [len(vector) for vector in vectors] == [1536] * 7
    assert all(math.isclose(math.hypot(*vector), 1, abs_tol=1e-3) for vector in vectors)
    assert (usage.provider, usage.model, usage.output_tokens) == ("openai", "text-embedding-3-small", 0)
    assert usage.input_tokens == stub.total("input_tokens") > 0
    assert (stub.total("requests"), stub.total("texts")) == (3, 7)


@pytest.mark.parametrize("fault", [{"status": 429, "retry_after": 0.05}, {"status": 500}, {"drop_after": 0}])
async def test_documents_are_patient(stub: StubProvider, embedder: OpenAIEmbedder, fault: dict[str, object]) -> None:
    stub.control(**fault, fail_first=2)
    texts = [f"text number {number}" for number in range(7)]
    vectors, usage = await embedder.embed_documents(texts)
    again, _ = await embedder.embed_documents(texts)
    assert [list(vector) for vector in vectors] == [list(vector) for vector in again]
    assert usage.input_tokens * 2 == stub.total("input_tokens")  # what failed was not counted


async def test_a_provider_that_asks_for_much_patience_is_not_waited_for(
    stub: StubProvider, embedder: OpenAIEmbedder
) -> None:
    stub.control(status=429, retry_after=30)
    started = time.monotonic()
    with pytest.raises(ProviderUnavailable) as caught:
        await embedder.embed_documents(["one", "two"])
    assert caught.value.retry_after == 30  # the document goes back in line for so long
    assert time.monotonic() - started < 10


async def test_several_calls_are_in_flight(stub: StubProvider) -> None:
    embedder = OpenAIEmbedder(api_key="key", base_url=stub.openai_url, batch_size=1, in_flight=4)
    stub.control(embedding_delay=0.5)
    started = time.monotonic()
    await embedder.embed_documents([f"text {number}" for number in range(8)])
    assert 1 <= time.monotonic() - started < 3.5  # 4 s one after the other
    await embedder.close()


async def test_a_refusal_is_not_repeated(stub: StubProvider, embedder: OpenAIEmbedder) -> None:
    stub.control(status=401)
    with pytest.raises(ProviderRefused):
        await embedder.embed_documents(["one"])
    assert stub.total("requests") == 1


async def test_query_equals_document(embedder: OpenAIEmbedder) -> None:
    vectors, _ = await embedder.embed_documents(["annual leave"])
    vector, usage = await embedder.embed_query("annual leave")
    assert list(vector) == list(vectors[0])
    assert usage.input_tokens == 3


async def test_nothing_to_embed_costs_nothing(stub: StubProvider, embedder: OpenAIEmbedder) -> None:
    vectors, usage = await embedder.embed_documents([])
    assert vectors == []
    assert usage.input_tokens == 0
    assert stub.total("requests") == 0


async def test_empty_and_overlong_texts_do_not_fail_the_batch(embedder: OpenAIEmbedder) -> None:
    vectors, usage = await embedder.embed_documents(["", " \n", "word " * 20_000])
    assert len(vectors) == 3
    assert usage.input_tokens <= embedder.max_tokens + 2


@pytest.mark.parametrize(
    ("status", "error"), [(429, ProviderUnavailable), (500, ProviderUnavailable), (401, ProviderRefused)]
)
async def test_errors(stub: StubProvider, embedder: OpenAIEmbedder, status: int, error: type[Exception]) -> None:
    stub.control(status=status)
    with pytest.raises(error):
        await embedder.embed_query("leave")
    assert stub.total("requests") == 1


@pytest.mark.parametrize("settings", [{"silent": True}, {"embedding_delay": 30}, {"drop_after": 0}])
async def test_silence_and_cuts(stub: StubProvider, embedder: OpenAIEmbedder, settings: dict[str, object]) -> None:
    stub.control(**settings)
    with pytest.raises(ProviderUnavailable):
        await embedder.embed_query("leave")


async def test_wrong_dimensions_are_a_wrong_setting(stub: StubProvider) -> None:
    embedder = OpenAIEmbedder("other", api_key="key", base_url=stub.openai_url, dimensions=768)
    with pytest.raises(ProviderRefused, match="1536 dimensions, configured are 768"):
        await embedder.embed_query("leave")
    await embedder.close()


def test_token_count_is_on_the_safe_side() -> None:
    embedder = OpenAIEmbedder(api_key="key")
    assert embedder.count_tokens("") == 0
    assert embedder.count_tokens("Staff get 25 days of leave a year.") >= 9
    assert embedder.count_tokens("員工每年有二十五天假期") >= 8
