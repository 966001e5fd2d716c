from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

from knowledge.providers.once import MadeOnce


def test_threads_that_ask_at_the_same_moment_get_the_same_thing() -> None:
    together = threading.Barrier(8)

    @MadeOnce
    def thing(name: str) -> object:
        time.sleep(0.05)
        return object()

    def ask(number: int) -> object:
        together.wait()
        return thing("index")

    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(ask, range(8)))) == 1
    assert thing("other") is not thing("index")


def test_what_failed_is_tried_again_and_what_is_cleared_is_made_anew() -> None:
    tries = []

    @MadeOnce
    def thing() -> object:
        tries.append(1)
        if len(tries) == 1:
            raise OSError
        return object()

    for _ in range(2):
        try:
            first = thing()
        except OSError:
            continue
    assert thing() is first
    thing.cache_clear()
    assert thing() is not first
    assert len(tries) == 3
