"""The only door into an organisation's schema, for sync code and for async code.

The database connection is per thread and remembers its schema, so whoever enters must leave, and async code must
enter on the thread that runs the query. Nothing outside this app sets a schema.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import select
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar

from django.conf import settings
from django.db import connection
from django_tenants.utils import schema_context

P = ParamSpec("P")
T = TypeVar("T")

PUBLIC = "public"
_active: contextvars.ContextVar[str] = contextvars.ContextVar("vena_schema", default=PUBLIC)


@contextmanager
def entered(schema_name: str) -> Iterator[None]:
    """Run a block of sync code inside a schema. Evaluate querysets inside; never `yield` to a caller from within."""
    token = _active.set(schema_name)
    try:
        with schema_context(schema_name):
            yield
    finally:
        _active.reset(token)


def active_schema() -> str:
    """The schema this task or thread works for; for log lines."""
    return _active.get()


def mark_active(schema_name: str) -> contextvars.Token[str]:
    """Name the organisation of an async task, for its log lines. Queries still need `in_tenant`."""
    return _active.set(schema_name)


@functools.cache
def orm_threads() -> ThreadPoolExecutor:
    """Threads of our own: the single shared ORM thread of asgiref would let sockets queue behind each other."""
    return ThreadPoolExecutor(max_workers=settings.VENA_ORM_THREADS, thread_name_prefix="orm")


async def in_tenant(schema_name: str, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Run sync ORM code on an ORM thread, inside the organisation's schema. Return values, not lazy querysets."""
    context = contextvars.copy_context()
    call = functools.partial(context.run, _call, schema_name, function, *args, **kwargs)
    return await asyncio.get_running_loop().run_in_executor(orm_threads(), call)


def _call(schema_name: str, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    drop_dead_connection()
    try:
        with entered(schema_name):
            return function(*args, **kwargs)
    finally:
        # The thread keeps its connection for speed; a broken one is thrown away so that the next call heals.
        if connection.errors_occurred and not connection.in_atomic_block:
            connection.close_if_unusable_or_obsolete()


def drop_dead_connection() -> None:
    """After a restart of PostgreSQL a thread still holds its old connection: an idle one that is readable is dead."""
    raw: Any = connection.connection
    if raw is None or connection.in_atomic_block:
        return
    if raw.closed or select.select([raw.fileno()], [], [], 0)[0]:
        connection.close()


async def in_public(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    return await in_tenant(PUBLIC, function, *args, **kwargs)
