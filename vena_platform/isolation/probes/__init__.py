"""Every attempt of the report. A new one is a line in one of these modules' tables."""

from __future__ import annotations

from vena_platform.isolation.probes import credentials, ids, sockets, stores
from vena_platform.isolation.types import Attempt


def all_attempts() -> list[Attempt]:
    """In the order in which they are tried; what looks for traces of the others comes last."""
    return [*credentials.ATTEMPTS, *ids.ATTEMPTS, *sockets.ATTEMPTS, *stores.ATTEMPTS]
