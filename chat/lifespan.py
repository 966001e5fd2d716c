"""Start and end of a web process, as uvicorn tells them."""

from __future__ import annotations

import logging
from typing import Any

from chat.live import close_switchboard, switchboard
from knowledge.warmup import warm_up

logger = logging.getLogger(__name__)


async def lifespan(scope: dict[str, Any], receive: Any, send: Any) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            switchboard()
            await warm_up()
            await send({"type": "lifespan.startup.complete"})
        elif message["type"] == "lifespan.shutdown":
            await close_switchboard()
            await send({"type": "lifespan.shutdown.complete"})
            return
