"""Vendors' failures, sorted once: "try again, or elsewhere" and "this will not work until somebody changes it"."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

import httpx2

from knowledge.errors import ProviderRefused, ProviderUnavailable

T = TypeVar("T")

RETRYABLE_STATUS = frozenset({408, 409, 425, 429})
KEY_STATUS = frozenset({401, 403})
REFUSALS_IN_STREAM = frozenset({"invalid_request_error", "authentication_error", "permission_error", "not_found_error"})
FILTERED = "The AI provider's content filter stopped this answer. Ask in other words."
KEY_REFUSED = (
    "The AI provider does not accept the key that is set up for it. Ask your administrator to enter a new key under "
    "Answers."
)
MODEL_UNKNOWN = (
    "The AI provider does not know the chosen model. Ask your administrator to choose another under Answers."
)
DETAIL_LIMIT = 300
REPEAT_PAUSE = 0.1  # seconds before the one repeat of a connection that was refused


def sorted_status(
    provider: str, status: int, kind: str, message: str, headers: Mapping[str, str]
) -> ProviderUnavailable | ProviderRefused:
    """The failure for an error answer. It came instead of an answer, so the provider took nothing for it.

    What is said about a key may quote it, so that goes nowhere.
    """
    detail = f"{provider}: {status} {kind}" + ("" if status in KEY_STATUS else f": {message}")
    failure: ProviderUnavailable | ProviderRefused
    if status in RETRYABLE_STATUS or status >= 500:
        failure = ProviderUnavailable(detail=detail[:DETAIL_LIMIT])
        failure.retry_after = seconds_asked_for(headers)
    else:
        sentence = KEY_REFUSED if status in KEY_STATUS else MODEL_UNKNOWN if status == 404 else ""
        failure = ProviderRefused(sentence, detail=detail[:DETAIL_LIMIT])
    failure.http_status = status
    failure.is_free = True
    return failure


def not_reached(provider: str, error: Exception) -> ProviderUnavailable:
    """The connection could not be made, or broke. Before it stood, nothing was asked of the provider."""
    failure = ProviderUnavailable(detail=f"{provider}: {type(error).__name__} {error}"[:DETAIL_LIMIT])
    failure.is_free = connect_failed(error)
    return failure


def told_in_stream(provider: str, kind: str, message: str) -> ProviderUnavailable | ProviderRefused:
    """An error that comes as an event, after the headers said 200."""
    detail = f"{provider}: in the stream: {kind}: {message}"[:DETAIL_LIMIT]
    return (ProviderRefused if kind in REFUSALS_IN_STREAM else ProviderUnavailable)(detail=detail)


def filtered(provider: str, reason: str) -> ProviderRefused:
    failure = ProviderRefused(FILTERED, detail=f"{provider}: {reason}")
    failure.is_content_filter = True
    return failure


def seconds_asked_for(headers: Mapping[str, str]) -> float | None:
    """What `retry-after-ms` or `retry-after` says; a date, or nonsense, says nothing."""
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            return max(0.0, float(headers[name]) / unit)
        except (KeyError, ValueError):
            continue
    return None


@contextmanager
def garbage_refused(provider: str) -> Iterator[None]:
    """Reading an event that is JSON, but not shaped as the provider's are."""
    try:
        yield
    except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
        detail = f"{provider}: the stream held something of another shape: {type(error).__name__}"
        raise ProviderUnavailable(detail=detail) from error


def connect_failed(error: BaseException) -> bool:
    """There was no connection at all, so nothing was asked."""
    causes = list(causes_of(error))
    is_aiohttp = any(type(cause).__module__.startswith("aiohttp") for cause in causes)
    timed_out = any(type(cause).__name__ == "ConnectionTimeoutError" for cause in causes)
    is_other = not is_aiohttp and any(isinstance(cause, httpx2.ConnectTimeout) for cause in causes)
    return was_refused(error) or timed_out or is_other


def was_refused(error: BaseException) -> bool:
    """Nobody took the connection, at once. After a time-out somebody else is asked instead.

    The SDKs' transport calls everything a time-out of connecting, even a connection that broke after the request; what
    aiohttp itself said tells them apart.
    """
    return any(
        isinstance(cause, httpx2.ConnectError) or type(cause).__name__.startswith("ClientConnector")
        for cause in causes_of(error)
    )


def causes_of(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__


async def once_more_if_refused(send: Callable[[], Awaitable[T]]) -> T:
    """Repeating is safe here: no connection, so nothing was asked. A restart of a local server takes no longer."""
    try:
        return await send()
    except Exception as error:
        if not was_refused(error):
            raise
    await asyncio.sleep(REPEAT_PAUSE)
    return await send()
