"""A loop for sync code that must call async providers: one thread of its own, alive as long as the process."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from knowledge.providers.once import MadeOnce

T = TypeVar("T")


@MadeOnce
def background_loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="providers", daemon=True).start()
    return loop


def run_in_loop(work: Coroutine[Any, Any, T], timeout: float | None = None) -> T:
    """Run a coroutine from sync code and wait for it. Never call it from a running loop."""
    return asyncio.run_coroutine_threadsafe(work, background_loop()).result(timeout)
