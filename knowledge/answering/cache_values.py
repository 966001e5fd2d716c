"""A cached answer as bytes and back. Pure.

The layout is read off the dataclasses: when one of them changes, values of the release before are not read any more.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import types
import zlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields, is_dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Union, get_args, get_origin, get_type_hints
from uuid import UUID

import orjson

from knowledge.types import ModelUsage, Passage, Support

FORMAT = 1  # grows when what a field means changes while its name and type stay
LEVEL = 1  # of compression: a tenth of the time of the default, for 10 % more bytes
MOST_UNPACKED = 4_000_000


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer, with all that is needed to show and store it again. `usage` and `cost_gbp` are of its first making."""

    question: str
    text: str
    passages: tuple[Passage, ...]
    cited: tuple[int, ...]
    supports: tuple[Support, ...]
    usage: ModelUsage
    cost_gbp: Decimal
    prompt_version: str
    made_at: datetime


class Unreadable(Exception):
    """The bytes are no answer of this release."""


def packed(kept: Kept) -> bytes:
    try:
        plain = orjson.dumps(kept, default=str)
    except orjson.JSONEncodeError:  # half a pair of surrogates, which is no UTF-8
        plain = json.dumps(asdict(kept), default=str, separators=(",", ":")).encode()
    return layout() + zlib.compress(plain, LEVEL)


def unpacked(value: bytes) -> Kept:
    """Raises Unreadable, whatever the bytes are."""
    mark = layout()
    if not value.startswith(mark):
        raise Unreadable("another layout")
    try:
        plain = zlib.decompressobj().decompress(value[len(mark) :], MOST_UNPACKED)
        kept: Kept = built(Kept, json.loads(plain.decode("utf-8", "surrogatepass")))
        return kept
    except (zlib.error, ValueError, TypeError, KeyError, AttributeError, InvalidOperation) as error:
        raise Unreadable(type(error).__name__) from error


@functools.cache
def layout() -> bytes:
    return hashlib.sha256(f"{FORMAT} {described(Kept)}".encode()).digest()[:8]


def described(kind: Any) -> str:
    """A type in words, dataclasses field by field."""
    if _is_dataclass(kind):
        return f"{{{', '.join(f'{name}: {described(hint)}' for name, hint in hints_of(kind).items())}}}"
    inner = ", ".join(described(one) for one in get_args(kind))
    return f"{get_origin(kind) or kind}[{inner}]"


def _is_dataclass(kind: Any) -> bool:
    return is_dataclass(kind)


@functools.cache
def hints_of(kind: Any) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}


def built(kind: Any, value: Any) -> Any:
    """A value of the wanted type from JSON. Raises TypeError, ValueError or KeyError when it does not fit."""
    return _maker(kind)(value)


@functools.cache
def _maker(kind: Any) -> Callable[[Any], Any]:
    """What builds a value of this type."""
    if _is_dataclass(kind):
        makers = {name: _maker(hint) for name, hint in hints_of(kind).items()}
        return lambda value: kind(**{name: make(value[name]) for name, make in makers.items()})
    if get_origin(kind) is tuple:
        make = _maker(get_args(kind)[0])
        return lambda value: tuple(make(one) for one in _checked(list, value))
    if get_origin(kind) in (Union, types.UnionType):
        return functools.partial(_first_that_fits, [_maker(one) for one in get_args(kind)])
    if kind is type(None):
        return lambda value: _checked(type(None), value)
    if kind is datetime:
        return datetime.fromisoformat
    if kind in (UUID, Decimal):
        return lambda value: kind(_checked(str, value))
    accepted = (int, float) if kind is float else kind
    return lambda value: _checked(accepted, value)


def _checked(kind: Any, value: Any) -> Any:
    if not isinstance(value, kind):
        raise TypeError(f"{type(value).__name__} is not {kind}")
    return value


def _first_that_fits(makers: Sequence[Callable[[Any], Any]], value: Any) -> Any:
    for make in makers:
        with contextlib.suppress(TypeError, ValueError, KeyError):
            return make(value)
    raise TypeError(f"{type(value).__name__} is none of {len(makers)} types")
