"""Providers' own usage, as their APIs and pages export it: read to the token, or refused with its fault's place."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.errors import UsageFileUnreadable
from billing.reconcile.reading import READERS, lines_of
from billing.reconcile.types import ProviderLine, together

DAY = date(2026, 3, 31)
MIDNIGHT = int(datetime(2026, 3, 31, tzinfo=UTC).timestamp())


def openai_result(**values: Any) -> dict[str, Any]:
    usual = {
        "object": "organization.usage.completions.result",
        "input_tokens": 141_201,
        "output_tokens": 9_756,
        "num_model_requests": 470,
        "input_cached_tokens": 1_000,
        "project_id": None,
        "api_key_id": None,
        "model": "gpt-4o-2024-08-06",
        "batch": None,
    }
    return {**usual, **values}


def openai_page(*results: dict[str, Any], start: int = MIDNIGHT, end: int = MIDNIGHT + 86_400, **values: Any) -> Any:
    bucket = {"object": "bucket", "start_time": start, "end_time": end, "results": list(results)}
    return {"object": "page", "data": [bucket], "has_more": False, "next_page": None, **values}


def anthropic_page(*results: dict[str, Any], **bucket: Any) -> Any:
    usual = {"starting_at": "2026-03-31T00:00:00Z", "ending_at": "2026-04-01T00:00:00Z", "results": list(results)}
    return {"data": [{**usual, **bucket}], "has_more": False, "next_page": None}


def anthropic_result(**values: Any) -> dict[str, Any]:
    usual = {
        "uncached_input_tokens": 1_500,
        "cache_creation": {"ephemeral_1h_input_tokens": 1_000, "ephemeral_5m_input_tokens": 500},
        "cache_read_input_tokens": 200,
        "output_tokens": 450,
        "server_tool_use": {"web_search_requests": 10},
        "model": "claude-sonnet-4-6",
        "service_tier": "standard",
    }
    return {**usual, **values}


def written(value: Any) -> bytes:
    return json.dumps(value).encode()


OPENAI_CSV = (
    "start_time,end_time,start_time_iso,end_time_iso,project_id,num_model_requests,user_id,api_key_id,model,batch,"
    "service_tier,input_tokens,output_tokens,input_cached_tokens\n"
    f"{MIDNIGHT},{MIDNIGHT + 60},,,p,3.0,u,k,gpt-4o-2024-08-06,False,,4212,1673,512\n"
    f"{MIDNIGHT + 60},{MIDNIGHT + 120},,,,,,,,,,,,\n"
    f"{MIDNIGHT + 120},{MIDNIGHT + 180},,,p,1,u,k,gpt-4o-2024-08-06,False,,8,1,\n"
)
ANTHROPIC_CSV = (
    "\ufeffusage_date_utc,model_version,api_key,workspace,usage_type,context_window,usage_input_tokens_no_cache,"
    "usage_input_tokens_cache_write_5m,usage_input_tokens_cache_write_1h,usage_input_tokens_cache_read,"
    "usage_output_tokens,web_search_count,inference_geo,speed\n"
    "2026-03-31,claude-sonnet-4-6,key,Default,standard,≤ 200k,46981,15969,1,30,16932,0,global,\n"
)


def test_openais_usage() -> None:
    pages = [
        openai_page(openai_result(), openai_result(api_key_id="key_2", input_tokens=2_000), has_more=True),
        openai_page(openai_result(object="organization.usage.embeddings.result", model="text-embedding-3-small")),
    ]
    chat, embedding = lines_of("openai", written(pages))
    assert chat == ProviderLine(DAY, "gpt-4o-2024-08-06", 940, 143_201, 2_000, 0, 19_512)
    assert embedding.model == "text-embedding-3-small"
    (line,) = lines_of("openai", OPENAI_CSV.encode())
    assert line == ProviderLine(DAY, "gpt-4o-2024-08-06", 4, 4_220, 512, 0, 1_674)


def test_openais_costs_are_decimal_to_the_last_digit() -> None:
    text = json.dumps(openai_page({"object": "organization.costs.result", "amount": "X", "line_item": "gpt-4o, input"}))
    (line,) = lines_of("openai", text.replace('"X"', '{"value": 0.895874000000000001, "currency": "usd"}').encode())
    assert (line.kind, line.model, line.cost_usd) == ("cost", "gpt-4o, input", Decimal("0.895874000000000001"))


def test_anthropics_usage() -> None:
    (line,) = lines_of("anthropic", written(anthropic_page(anthropic_result())))
    assert line == ProviderLine(DAY, "claude-sonnet-4-6", None, 3_200, 200, 1_500, 450)
    (line,) = lines_of("anthropic", ANTHROPIC_CSV.encode())
    assert line == ProviderLine(DAY, "claude-sonnet-4-6", None, 62_981, 30, 15_970, 16_932)


@pytest.mark.parametrize(
    ("provider", "content", "said"),
    [
        (
            "openai",
            openai_page(openai_result(model=None)),
            "result 1: no model is named. Ask for usage grouped by model",
        ),
        ("openai", openai_page(openai_result(input_tokens=-1)), "result 1: input_tokens is not a count"),
        ("openai", openai_page(openai_result(input_tokens=1.5)), "input_tokens is not a count"),
        ("openai", openai_page(openai_result(input_tokens=True)), "input_tokens is not a count"),
        ("openai", openai_page(openai_result(input_cached_tokens=999_999)), "more input came from the cache"),
        ("openai", openai_page(openai_result(), has_more=True), "There are more pages"),
        ("openai", openai_page(openai_result(), end=MIDNIGHT + 7 * 86_400), "more than one day"),
        ("openai", openai_page(openai_result(object="organization.usage.images.result")), "is not usage of tokens"),
        ("openai", {"error": {"message": "no"}}, "Page 1: object is missing"),
        ("openai", openai_page(), "Nothing was used"),
        ("openai", OPENAI_CSV.replace("input_tokens", "tokens"), "Line 1: the column input_tokens is missing"),
        ("openai", OPENAI_CSV.replace("4212", "4,212"), "Line 2: it has more or fewer cells"),
        ("openai", OPENAI_CSV.replace("4212", "many"), "Line 2: input_tokens is not a count"),
        ("openai", "", "Line 1: the column start_time is missing"),
        ("openai", "[1, 2", "not JSON"),
        ("anthropic", anthropic_page(anthropic_result(), starting_at="2026-03-31"), "not a period with its time zone"),
        ("anthropic", anthropic_page(anthropic_result(), ending_at=None), "are not times like"),
        ("anthropic", anthropic_page({**anthropic_result(), "uncached_input_tokens": None}), "uncached_input_tokens"),
        ("anthropic", ANTHROPIC_CSV.replace("2026-03-31", "31/03/2026"), "Line 2: usage_date_utc is not a day"),
        ("anthropic", openai_page(openai_result()), "starting_at and ending_at"),
    ],
)
def test_what_is_not_as_it_should_be_is_refused_with_its_place(provider: str, content: Any, said: str) -> None:
    with pytest.raises(UsageFileUnreadable, match=said):
        lines_of(provider, content.encode() if isinstance(content, str) else written(content))


COUNTS = st.integers(0, 10**9)
RESULTS = st.lists(
    st.tuples(st.integers(0, 3), st.sampled_from(["a", "b"]), COUNTS, COUNTS, COUNTS), min_size=1, max_size=8
)


@given(results=RESULTS)
def test_whatever_is_exported_is_read_to_the_token(results: list[tuple[int, str, int, int, int]]) -> None:
    """In both providers' shapes, in any cut, the same sums."""
    data, buckets = [], []
    for day, model, fresh, cached, output in results:
        start = MIDNIGHT + day * 86_400
        one = openai_result(model=model, input_tokens=fresh + cached, input_cached_tokens=cached, output_tokens=output)
        data.append({"object": "bucket", "start_time": start, "end_time": start + 3600, "results": [one]})
        begins = datetime.fromtimestamp(start, UTC)
        other = anthropic_result(
            model=model,
            uncached_input_tokens=fresh,
            cache_read_input_tokens=cached,
            output_tokens=output,
            cache_creation=None,
        )
        ends = begins + timedelta(hours=24)
        buckets.append({"starting_at": begins.isoformat(), "ending_at": ends.isoformat(), "results": [other]})
    ours = lines_of("openai", written({"object": "page", "data": data}))
    theirs = lines_of("anthropic", written({"data": buckets}))
    for lines in (ours, theirs):
        assert sum(line.input_tokens for line in lines) == sum(fresh + cached for _, _, fresh, cached, _ in results)
        assert sum(line.output_tokens for line in lines) == sum(output for *_, output in results)
        assert {(line.day, line.model) for line in lines} == {(DAY + timedelta(days=d), m) for d, m, *_ in results}
        assert together(lines) == lines


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["object", "data", "results", "model", "start_time", "starting_at", "amount"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)


@given(content=st.one_of(JSON.map(written), st.binary(max_size=80), st.text(max_size=80).map(str.encode)))
def test_nothing_but_a_refusal_comes_of_anything_else(content: bytes) -> None:
    for provider in READERS:
        with pytest.raises(UsageFileUnreadable):
            lines_of(provider, content)
