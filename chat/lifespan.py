"""Start and end of a web process, as uvicorn tells them."""

from __future__ import annotations

import gc
import logging
from typing import Any

from chat.leaving import drain_before_leaving
from chat.live import close_switchboard, switchboard
from knowledge.answering.cache import all_kept
from knowledge.warmup import warm_up

logger = logging.getLogger(__name__)


def settle_memory() -> None:
    """What was loaded until now stays: the collector need not walk over it again with every few thousand objects."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


async def lifespan(scope: dict[str, Any], receive: Any, send: Any) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            drain_before_leaving(switchboard())
            await warm_up()
            settle_memory()
            await send({"type": "lifespan.startup.complete"})
        elif message["type"] == "lifespan.shutdown":
            await close_switchboard()
            await all_kept()
            await send({"type": "lifespan.shutdown.complete"})
            return
