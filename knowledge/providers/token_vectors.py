"""Token vectors made small enough to be stored for every chunk: what late interaction reads.

Of a token's state (384 numbers) only the signs are kept, measured from the mean state of ordinary text: 48 bytes a
token. The question's vectors stay as they are, which loses less than projecting on fewer dimensions does. Special
tokens and punctuation are left out by the caller: they match anything. Pure: numpy only.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

WIDTH = 384
FORMAT = b"\x01"  # first byte of a blob; another recipe gets another one
MIDDLE = Path(__file__).resolve().parent.parent / "assets" / "minilm" / "token_middle.npy"
_BYTES = WIDTH // 8
_LENGTH = WIDTH**0.5  # of a vector of signs


def centred(states: NDArray[np.float32]) -> NDArray[np.float32]:
    """Token states (n, WIDTH) as unit vectors of the same shape, seen from the middle of all tokens."""
    return _unit(_unit(states) - _middle())


def pack(states: NDArray[np.float32]) -> bytes:
    """Token states (n, WIDTH) as a blob of 1 + 48 n bytes."""
    return FORMAT + np.packbits(_unit(states) > _middle(), axis=1).tobytes()


def unpack(blobs: Sequence[bytes | memoryview | None]) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    """The unit vectors of all blobs one below the other, and how many each blob has: 0 where it can't be read."""
    bodies = [_body(bytes(blob)) if blob is not None else b"" for blob in blobs]
    counts = np.array([len(body) // _BYTES for body in bodies], dtype=np.intp)
    packed = np.frombuffer(b"".join(bodies), np.uint8).reshape(-1, _BYTES)
    signs = np.unpackbits(packed, axis=1).astype(np.float32)
    return (2 * signs - 1) / np.float32(_LENGTH), counts


def _body(blob: bytes) -> bytes:
    return blob[1:] if blob[:1] == FORMAT and len(blob) % _BYTES == 1 else b""


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.sqrt(np.einsum("nw,nw->n", vectors, vectors))
    return np.asarray(vectors / np.maximum(lengths, 1e-9)[:, None], dtype=np.float32)


@cache
def _middle() -> NDArray[np.float32]:
    """The mean of the unit states of some 120,000 tokens of ordinary text, shape (WIDTH,)."""
    return np.asarray(np.load(MIDDLE), dtype=np.float32)
