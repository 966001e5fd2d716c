"""From the code that a failure left behind back to what the person is told."""

from __future__ import annotations

from collections.abc import Iterator

from knowledge import errors as errors  # so that every kind is known
from vena_platform.errors import VenaError


def sentence_for(code: str) -> str:
    """What the person is told of a failure that only left its code; empty for a code that is none of ours."""
    return next((kind.message for kind in family_of(VenaError) if kind.code == code), "") if code else ""


def family_of(kind: type[VenaError]) -> Iterator[type[VenaError]]:
    for child in kind.__subclasses__():
        yield child
        yield from family_of(child)
