from __future__ import annotations

import zlib
from dataclasses import replace
from decimal import Decimal
from uuid import UUID

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from knowledge.answering import cache_values
from knowledge.answering.cache_values import Kept, Unreadable, layout, packed, unpacked
from knowledge.types import Box, ModelUsage, Passage, Support

PASSAGE = Passage(
    n=1,
    chunk_id=UUID(int=5),
    document_id=UUID(int=6),
    title="Leave, caf\u00e9",
    text="Staff get 25 days. " * 100,
    heading_path=("Rules", "Leave"),
    page=3,
    position=7,
    score=0.1 + 0.2,
    similarity=1 / 3,
    version_id=UUID(int=8),
    version_number=2,
    last_page=4,
    last_position=9,
    section=2,
    place="rows 2-41",
    boxes=(Box(3, 1.0, 2.5, 3.25, 4.0),),
    also_in=(UUID(int=9),),
)
KEPT = Kept(
    question="How many days?",
    text="You get 25 days [1].",
    passages=(PASSAGE, replace(PASSAGE, n=2, chunk_id=12, version_id=None, page=None, boxes=())),
    cited=(1,),
    supports=(Support(1, 0, 20, 0, 18, 0.9), Support(2, 0, 20, None, None, 0.0)),
    usage=ModelUsage("openai", "gpt-4o", 1200, 300, 40, True, 100),
    cost_gbp=Decimal("0.00312345"),
    prompt_version="2",
    made_at=timezone.now(),
)


def test_nothing_is_lost_and_text_is_compressed() -> None:
    value = packed(KEPT)
    assert unpacked(value) == KEPT
    assert len(value) < len(PASSAGE.text)


@given(st.binary(max_size=200), st.booleans())
def test_no_bytes_are_taken_for_an_answer(value: bytes, has_mark: bool) -> None:
    with pytest.raises(Unreadable):
        unpacked(layout() + value if has_mark else value)


@pytest.mark.parametrize(
    "plain",
    [
        pytest.param(b"{}", id="empty"),
        pytest.param(b"[]", id="list"),
        pytest.param(b"null", id="null"),
        pytest.param(b'{"question": 5}', id="wrong_type"),
        pytest.param(b"\xff", id="not_text"),
    ],
)
def test_json_of_another_shape_is_no_answer(plain: bytes) -> None:
    with pytest.raises(Unreadable):
        unpacked(layout() + zlib.compress(plain))


def test_a_value_cut_short_is_no_answer() -> None:
    with pytest.raises(Unreadable):
        unpacked(packed(KEPT)[:-200])


def test_values_of_another_release_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    value = packed(KEPT)
    layout.cache_clear()
    monkeypatch.setattr(cache_values, "FORMAT", cache_values.FORMAT + 1)
    with pytest.raises(Unreadable):
        unpacked(value)
    layout.cache_clear()
