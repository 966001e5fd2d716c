"""Every id that a socket's frame can carry, read from the protocol: another organisation's is one that nobody has."""

from __future__ import annotations

import dataclasses
from types import UnionType
from typing import Any, get_args, get_type_hints
from uuid import UUID, uuid4

import pytest
from django.conf import settings

from chat import protocol
from chat.tests.sockets import all_answers_end, connected
from tenants.context import in_tenant
from vena_platform.isolation.evidence import table_checksums
from vena_platform.tests.isolation.conftest import Worlds
from vena_platform.tests.isolation.rows import World

NOBODY = "5f0c1b9e-8a61-4c57-9f0e-3f6d2b7a1c44"
# Frame and field → the row that it names.
FRAMES_NAME = {
    ("Ask", "conversation"): "chat.Conversation",
    ("Stop", "answer"): "chat.Message",
    ("Resume", "answer"): "chat.Message",
    ("Regenerate", "message"): "chat.Message",
    ("Edit", "message"): "question",
}
NARROWS = {("Ask", "collections")}  # unknown ones are left out, so a question to a foreign one asks nothing
NAMES_NO_ROW = {"client_id": "the asker's own name for what is asked, looked up among the asker's"}
FURTHER: dict[str, dict[str, Any]] = {"Ask": {"text": "leave?"}, "Edit": {"text": "leave?"}, "Resume": {"after": 0}}


def id_fields() -> set[tuple[str, str]]:
    found = set()
    for frame in get_args(protocol.ClientFrame):
        hints = get_type_hints(frame)
        found |= {(frame.__name__, one.name) for one in dataclasses.fields(frame) if UUID in spread(hints[one.name])}
    return found


def spread(hint: Any) -> set[Any]:
    if isinstance(hint, UnionType) or get_args(hint):
        return set().union(*(spread(one) for one in get_args(hint)))
    return {hint}


def test_every_id_of_a_frame_has_a_case() -> None:
    known = set(FRAMES_NAME) | NARROWS | {(frame, name) for frame, name in id_fields() if name in NAMES_NO_ROW}
    assert id_fields() == known, "Say in FRAMES_NAME or NAMES_NO_ROW what a frame's new id names."


async def answered(world: World, cookie: str, frame: str, field: str, value: str) -> dict[str, Any]:
    """What the server says first, without what is different each time."""
    sent = {"type": frame.lower(), field: value, **FURTHER.get(frame, {})}
    if frame in {"Ask", "Edit", "Regenerate"}:
        sent["client_id"] = str(uuid4())
    async with connected(world.organisation, cookie=f"{settings.SESSION_COOKIE_NAME}={cookie}") as socket:
        await socket.tell(sent)
        if frame == "Stop":  # of an own answer that has ended nothing is said
            await socket.tell({"type": "ping"})
        told = await socket.hear()
    return {name: one for name, one in told.items() if name not in {"client_id", "request_id"}}


@pytest.mark.parametrize(("frame", "field"), sorted(FRAMES_NAME), ids=" ".join)
async def test_a_foreign_id_is_an_unknown_one(
    worlds: Worlds, sessions: dict[World, str], frame: str, field: str
) -> None:
    ours, theirs = worlds
    label = FRAMES_NAME[frame, field]
    unknown = await answered(ours, sessions[ours], frame, field, NOBODY)
    foreign = await answered(ours, sessions[ours], frame, field, theirs.id_of(label))
    assert foreign["type"] == "error"
    assert str(foreign).replace(theirs.id_of(label), "ID") == str(unknown).replace(NOBODY, "ID")
    assert theirs.marker not in str(foreign)
    own = await answered(ours, sessions[ours], frame, field, ours.id_of(label))
    assert own["type"] != "error", "Not understood for an own id either, so the test shows nothing."
    await all_answers_end()
    assert await in_tenant(theirs.organisation.schema_name, table_checksums, theirs.organisation.schema_name) == (
        theirs.checksums
    )


async def test_a_foreign_collection_is_asked_for_nothing(worlds: Worlds, sessions: dict[World, str]) -> None:
    ours, theirs = worlds
    async with connected(ours.organisation, cookie=f"{settings.SESSION_COOKIE_NAME}={sessions[ours]}") as socket:
        told = [await socket.ask(theirs.marker, collections=[theirs.id_of("knowledge.Collection")])]
        told += await socket.until_done()
    assert [one["sources"] for one in told if one["type"] == "sources"] in ([], [[]])
    assert theirs.marker not in str([one.get("text") for one in told])
    assert told[-1]["type"] == "done"
    await all_answers_end()


async def test_no_socket_opens_with_a_foreign_session_or_key(worlds: Worlds, sessions: dict[World, str]) -> None:
    ours, theirs = worlds
    async with connected(ours.organisation, cookie=f"{settings.SESSION_COOKIE_NAME}={sessions[theirs]}") as socket:
        assert (await socket.hear())["code"] == "not_signed_in"
