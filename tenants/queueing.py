"""Sending tasks: after the commit, with the arguments as they were when it was asked for."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.db import transaction


def delay_on_commit(task: Any, **arguments: Any) -> None:
    """Queue once the transaction is in; at once when there is none. A lost broker must not undo what is stored."""
    transaction.on_commit(partial(task.delay, **arguments))
