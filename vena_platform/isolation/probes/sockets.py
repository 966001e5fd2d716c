"""The socket: who may open it, and what its frames reach."""

from __future__ import annotations

from typing import Any

from vena_platform.isolation.probes.ids import nobody_of
from vena_platform.isolation.scratch import filled, question_frame
from vena_platform.isolation.types import Attempt, Pair, Seen, World
from vena_platform.isolation.wire import Browser, Frame, heard_until_done, heard_until_pong, knocked, opened

# Frames that name something of the other's.
FRAMES: tuple[dict[str, Any], ...] = (
    {"type": "resume", "answer": "{answer}", "after": 0},
    {"type": "stop", "answer": "{answer}"},
    {"type": "regenerate", "message": "{answer}", "client_id": "{uuid}"},
    {"type": "edit", "message": "{question}", "text": "And the red one?", "client_id": "{uuid}"},
    {"type": "ask", "conversation": "{conversation}", "text": "And the red one?", "client_id": "{uuid}"},
)


def opening(pair: Pair, host: str, *, cookie: bool = False, key: bool = False, origin: str = "") -> Seen:
    them = pair.theirs
    browser = Browser(pair.address, host, cookies=them.cookies if cookie else None, key=them.key if key else "")
    told = knocked(browser, origin=origin)
    return Seen(told, told == "pong")


def page_of_another(pair: Pair) -> Seen:
    """The person's own cookie, sent by a page of the other organisation."""
    told = knocked(
        Browser(pair.address, pair.ours.host, cookies=pair.ours.cookies), origin=f"http://{pair.theirs.host}"
    )
    return Seen(told, told == "pong")


def told_to(pair: Pair, asker: World, owner: World, frame: dict[str, Any]) -> list[Frame]:
    with opened(Browser(pair.address, asker.host, cookies=asker.cookies)) as one:
        return heard_until_pong(one, **filled(frame, owner))


def in_words(frames: list[Frame]) -> str:
    return ", ".join(frame.get("code") or frame["type"] for frame in frames if frame["type"] != "pong") or "nothing"


def frame_abroad(pair: Pair, frame: dict[str, Any]) -> Seen:
    told = in_words(told_to(pair, pair.ours, pair.theirs, frame))
    unknown = in_words(told_to(pair, pair.ours, nobody_of(pair.theirs), frame))
    is_refused = told == unknown and told.endswith("_not_found")
    return Seen(told, not is_refused)


def frame_at_home(pair: Pair, frame: dict[str, Any]) -> Seen:
    frames = told_to(pair, pair.theirs, pair.theirs, frame)
    return Seen(in_words(frames), not any(one["type"] == "error" for one in frames))


def by_frame(frame: dict[str, Any]) -> Attempt:
    named = next(name for name in ("answer", "message", "conversation") if name in frame)
    return Attempt(
        "Sockets",
        f"The frame `{frame['type']}` with the other's {named}",
        lambda pair: frame_abroad(pair, frame),
        lambda pair: frame_at_home(pair, frame),
    )


# -- answers --------------------------------------------------------------------------------------


def answered(pair: Pair, asker: World, collections: list[str] | None) -> Seen:
    """The same words that the other has asked already: from the cache or not, they bring nothing of the other's."""
    with opened(Browser(pair.address, asker.host, cookies=asker.cookies)) as one:
        frames = heard_until_done(one, **question_frame(collections=collections))
    is_theirs = pair.theirs.marker in str(frames)
    end = frames[-1]
    was_kept = ", from the cache" if end.get("usage", {}).get("cached") else ""
    return Seen(f"{end.get('status') or end.get('code')}{was_kept}" + ", with the other's words" * is_theirs, is_theirs)


ATTEMPTS = (
    Attempt(
        "Sockets",
        "The other's session cookie opens a socket",
        lambda pair: opening(pair, pair.ours.host, cookie=True),
        lambda pair: opening(pair, pair.theirs.host, cookie=True),
    ),
    Attempt(
        "Sockets",
        "The other's API key opens a socket",
        lambda pair: opening(pair, pair.ours.host, key=True),
        lambda pair: opening(pair, pair.theirs.host, key=True),
    ),
    Attempt(
        "Sockets",
        "A page of the other organisation opens a socket with a person's cookie",
        page_of_another,
        lambda pair: opening(pair, pair.theirs.host, cookie=True, origin=f"http://{pair.theirs.host}"),
    ),
    Attempt(
        "Sockets",
        "A host that nobody has takes a socket",
        lambda pair: opening(pair, f"nobody-{pair.theirs.host}", key=True),
        lambda pair: opening(pair, pair.theirs.host, key=True),
    ),
    *(by_frame(frame) for frame in FRAMES),
    Attempt(
        "Answers and their cache",
        "The question that the other has asked is answered with the other's words",
        lambda pair: answered(pair, pair.ours, None),
        lambda pair: answered(pair, pair.theirs, None),
    ),
    Attempt(
        "Answers and their cache",
        "A question limited to the other's collection is answered with the other's words",
        lambda pair: answered(pair, pair.ours, [pair.theirs.ids["collection"]]),
        lambda pair: answered(pair, pair.theirs, [pair.theirs.ids["collection"]]),
    ),
)
