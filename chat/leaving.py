"""A process that is told to end lets its answers end first.

The web server closes every socket as soon as it hears SIGTERM or Ctrl-C. So we hear it before the server does: from
then on questions are refused with an error that makes clients go to another process, running answers may finish for
VENA_DRAIN_SECONDS, and only then does the server hear of it. A second signal is passed on at once.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
from types import FrameType

from django.conf import settings

from chat.live import Switchboard

logger = logging.getLogger(__name__)

SIGNALS = (signal.SIGTERM, signal.SIGINT)

_is_leaving = threading.Event()


def is_leaving() -> bool:
    """For probes: send no more traffic here."""
    return _is_leaving.is_set()


class Leaving:
    def __init__(self, board: Switchboard) -> None:
        self.board = board
        self.loop = asyncio.get_running_loop()
        self.task: asyncio.Task[None] | None = None
        self.servers = {number: signal.getsignal(number) for number in SIGNALS}

    def hear_first(self) -> None:
        for number in SIGNALS:
            signal.signal(number, self.heard)

    def heard(self, number: int, frame: FrameType | None) -> None:
        if self.board.is_leaving:
            self.pass_on(number)
        else:
            self.board.is_leaving = True
            _is_leaving.set()
            self.loop.call_soon_threadsafe(self.begin, number)

    def begin(self, number: int) -> None:
        self.task = self.loop.create_task(self.leave(number), name="answers.leave")

    async def leave(self, number: int) -> None:
        running = len(self.board.live)
        try:
            await self.board.drain(settings.VENA_DRAIN_SECONDS)
        finally:
            logger.info("answers.drained", extra={"running": running})
            self.pass_on(number)

    def pass_on(self, number: int) -> None:
        server = self.servers[signal.Signals(number)]
        if callable(server):
            server(number, None)


def drain_before_leaving(board: Switchboard) -> None:
    """Only where signals can be heard: in the main thread, and where the web server listens to them."""
    if threading.current_thread() is threading.main_thread():
        Leaving(board).hear_first()
