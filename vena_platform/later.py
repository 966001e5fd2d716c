"""Answers that take their time without a thread: view and middleware are done, the rest is awaited on the event loop.

Django keeps a thread, and with it a database connection, for each request from its first line to its last byte. A
thousand people who wait for an answer would be a thousand threads; so these responses let go of theirs first.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import orjson
from asgiref.sync import SyncToAsync, sync_to_async
from django.core.handlers.asgi import ASGIHandler
from django.db import connection
from django.http import HttpResponse, StreamingHttpResponse

from vena_platform.errors import VenaError

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Body:
    """What a request is answered with in the end: anything JSON can say."""

    data: Any
    status: int = 200


class Broken(VenaError):
    code, status = "error", 500
    message = "Something went wrong on our side. We have been told about it."


def plain_refusal(error: VenaError) -> Body:
    return Body({"code": error.code, "detail": error.text}, error.status)


class LaterResponse(HttpResponse):
    """JSON that `work` makes on the event loop. Headers that middleware put on stay; status and body come later."""

    def __init__(
        self, work: Callable[[], Awaitable[Body]], refusal: Callable[[VenaError], Body] = plain_refusal
    ) -> None:
        super().__init__(content_type="application/json")
        self.work, self.refusal = work, refusal

    async def settle(self) -> None:
        body = await self.made()
        self.status_code = body.status
        self.content = orjson.dumps(body.data)
        self["Content-Length"] = str(len(self.content))

    async def made(self) -> Body:
        try:
            return await self.work()
        except VenaError as error:
            logger.info("api.refused", extra={"code": error.code, "detail": error.detail})
            return self.refusal(error)
        except Exception:  # the boundary: the client gets an answer in the API's shape, also to our bugs
            logger.exception("api.failed")
            return self.refusal(Broken())


class EventStream(StreamingHttpResponse):
    """`text/event-stream`: sent as it comes, and kept by nobody on the way."""

    def __init__(self, events: AsyncGenerator[bytes, None]) -> None:
        super().__init__(events, content_type="text/event-stream")
        self.events = events
        self["Cache-Control"] = "no-store"
        self["X-Accel-Buffering"] = "no"  # nginx would gather it


class Handler(ASGIHandler):
    async def send_response(self, response: Any, send: Any) -> None:
        if isinstance(response, (LaterResponse, EventStream)):
            await let_go_of_thread()
        if isinstance(response, LaterResponse):
            await response.settle()
        if not isinstance(response, EventStream):
            return await super().send_response(response, send)
        async with aclosing(response.events):  # Django leaves it to the garbage collector
            await super().send_response(response, send)
        return None


async def let_go_of_thread() -> None:
    """End the thread of this request, as its end would; whatever still asks for one gets another."""
    await sync_to_async(close_connection)()
    context: Any = SyncToAsync.thread_sensitive_context.get(None)
    executor = SyncToAsync.context_to_thread_executor.pop(context, None)
    if executor is not None:
        executor.shutdown(wait=False)


def close_connection() -> None:
    """Of the thread this runs on: each has its own."""
    connection.close()
