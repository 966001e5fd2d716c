"""`functools.cache` lets two threads that ask first at the same moment make two of a thing. Here they wait."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class MadeOnce(Generic[T]):
    """What a function makes, once for each of its arguments; the makers of a process hold locks, files and models that
    there must not be two of."""

    def __init__(self, make: Callable[..., T]) -> None:
        functools.update_wrapper(self, make)
        self._make = make
        self._made: dict[Hashable, T] = {}
        self._lock = threading.RLock()

    def __call__(self, *args: Hashable, **kwargs: Hashable) -> T:
        key = (args, tuple(sorted(kwargs.items())))
        if key in self._made:
            return self._made[key]
        with self._lock:
            if key not in self._made:
                self._made[key] = self._make(*args, **kwargs)
            return self._made[key]

    @property
    def has_made(self) -> bool:
        return bool(self._made)

    def cache_clear(self) -> None:
        with self._lock:
            self._made = {}
