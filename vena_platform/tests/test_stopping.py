"""A stop in the middle of what can't be divided."""

from __future__ import annotations

import signal

import pytest

from vena_platform.embedded import held_back


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_stop_is_obeyed_afterwards_and_once(number: int) -> None:
    heard: list[int] = []
    before = signal.signal(number, lambda came, _: heard.append(came))
    try:
        with held_back():
            signal.raise_signal(number)
            signal.raise_signal(number)
            assert heard == []
        assert heard == [number]
    finally:
        signal.signal(number, before)
