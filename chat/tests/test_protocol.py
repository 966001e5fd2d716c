from __future__ import annotations

import json
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat import protocol
from chat.protocol import Ask, EmptyQuestion, InvalidFrame, Ping, Regenerate, Resume, Stop, UnknownFrame, parse_frame
from vena_platform.errors import VenaError

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
frame_like = st.fixed_dictionaries(
    {"type": st.sampled_from(["ask", "stop", "resume", "ping", "edit", ""]) | json_values},
    optional={
        "text": json_values,
        "client_id": json_values | st.uuids().map(str),
        "conversation": json_values | st.uuids().map(str),
        "collections": json_values | st.lists(st.uuids().map(str)),
        "answer": json_values | st.uuids().map(str),
        "after": json_values,
    },
)


@given(st.text())
def test_any_text_is_a_frame_or_a_named_error(text: str) -> None:
    try:
        parse_frame(text)
    except VenaError as error:
        assert error.code in {"invalid_frame", "unknown_frame", "empty_question"}


@given(frame_like)
def test_any_object_is_a_frame_or_a_named_error(frame: dict[str, Any]) -> None:
    try:
        parsed = parse_frame(json.dumps(frame))
    except VenaError:
        return
    match parsed:
        case Ask(text=text):
            assert text == text.strip() != ""
            assert "\x00" not in text
            text.encode()
        case Resume(after=after):
            assert after >= 0


@given(
    text=st.text(min_size=1).filter(lambda text: text.replace("\x00", "").encode("utf-8", "ignore").strip()),
    client_id=st.uuids(),
    conversation=st.none() | st.uuids(),
    collections=st.none() | st.lists(st.uuids(), max_size=5),
)
def test_an_ask_survives_the_wire(
    text: str, client_id: UUID, conversation: UUID | None, collections: list[UUID] | None
) -> None:
    frame = {
        "type": "ask",
        "text": text,
        "client_id": str(client_id),
        "conversation": conversation and str(conversation),
        "collections": collections if collections is None else [str(one) for one in collections],
    }
    try:
        ask = parse_frame(json.dumps(frame))
    except EmptyQuestion:
        assert not text.replace("\x00", "").encode("utf-8", "ignore").decode().strip()
        return
    assert isinstance(ask, Ask)
    assert (ask.client_id, ask.conversation) == (client_id, conversation)
    assert ask.collections == (None if collections is None else tuple(collections))


def test_the_other_frames() -> None:
    answer = uuid4()
    assert parse_frame(json.dumps({"type": "stop", "answer": str(answer)})) == Stop(answer)
    assert parse_frame(json.dumps({"type": "resume", "answer": str(answer), "after": 7})) == Resume(answer, 7)
    assert parse_frame('{"type":"ping"}') == Ping()
    again = {"type": "regenerate", "message": str(answer)}
    assert parse_frame(json.dumps(again)) == Regenerate(answer)
    assert parse_frame(json.dumps({**again, "client_id": str(answer)})) == Regenerate(answer, answer)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", InvalidFrame),
        ("[]", InvalidFrame),
        ("{", InvalidFrame),
        ("[" * 100_000, InvalidFrame),
        ('{"type":"ask"}', InvalidFrame),
        ('{"type":"ask","text":"  ","client_id":"x"}', EmptyQuestion),
        ('{"type":"ask","text":"hello","client_id":"x"}', InvalidFrame),
        ('{"type":"stop","answer":5}', InvalidFrame),
        ('{"type":"resume","answer":"00000000-0000-0000-0000-000000000000","after":-1}', InvalidFrame),
        ('{"type":"resume","answer":"00000000-0000-0000-0000-000000000000","after":true}', InvalidFrame),
        ('{"type":"regenerate"}', InvalidFrame),
        (f'{{"type":"regenerate","message":"{UUID(int=1)}","client_id":7}}', InvalidFrame),
        ("{}", UnknownFrame),
        ("x" * (protocol.MAX_FRAME + 1), InvalidFrame),
    ],
)
def test_bad_frames_are_named(text: str, error: type[VenaError]) -> None:
    with pytest.raises(error):
        parse_frame(text)


@given(st.decimals(min_value=0, max_value=1000, places=8))
def test_money_on_the_wire_is_never_a_float(cost: Decimal) -> None:
    frame = protocol.usage(model="m", input_tokens=1, output_tokens=1, cost_gbp=cost, cached=False)
    sent = json.loads(protocol.encoded(frame))["cost_gbp"]
    assert isinstance(sent, str)
    assert Decimal(sent) == cost
    assert "E" not in sent
