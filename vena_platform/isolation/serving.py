"""The web server that the probe asks: the one that runs, where a setting names it, or one of its own on loopback."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from django.conf import settings

from vena_platform.isolation.errors import ProbeFailed

START_SECONDS = 30


@contextmanager
def web_server() -> Iterator[str]:
    """Its address, such as http://127.0.0.1:8000."""
    if settings.VENA_PROBE_ADDRESS:
        yield settings.VENA_PROBE_ADDRESS.rstrip("/")
        return
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        server = uvicorn.Server(
            uvicorn.Config(
                "vena_platform.asgi:application",
                lifespan="off",  # it is for a process that is a web server
                log_config=None,
                access_log=False,
                ws="websockets-sansio",
                timeout_graceful_shutdown=2,
            )
        )
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="probed-web", daemon=True)
        thread.start()
        try:
            wait_until_started(server, thread)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(10)


def wait_until_started(server: uvicorn.Server, thread: threading.Thread) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise ProbeFailed(detail="the probe's own web server did not start")
        time.sleep(0.02)
