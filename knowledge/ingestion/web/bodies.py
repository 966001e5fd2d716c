"""The body of an answer, written to a file: unpacked, and never more than may be, neither as sent nor as unpacked."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Iterator
from typing import IO

from knowledge.errors import UrlTooLarge, UrlUnreachable

_ANY_HEADER = 47  # zlib's sign for "gzip or zlib, as it comes"
_PIECE = 1 << 18  # bytes unpacked at once
GZIP = b"\x1f\x8b"


def write_body(pieces: Iterable[bytes], encoding: str, file: IO[bytes], *, most: int) -> str:
    """Returns the sha256 of what was written. Raises `UrlTooLarge` past `most` bytes, `UrlUnreachable` for a body that
    is packed in another way than it says, or incomplete."""
    digest, left = hashlib.sha256(), most
    for piece in unpacked(within(pieces, most), encoding):
        left -= len(piece)
        if left < 0:
            raise UrlTooLarge(detail=f"more than {most} bytes unpacked")
        digest.update(piece)
        file.write(piece)
    file.flush()
    return digest.hexdigest()


def within(pieces: Iterable[bytes], most: int) -> Iterator[bytes]:
    left = most
    for piece in pieces:
        left -= len(piece)
        if left < 0:
            raise UrlTooLarge(detail=f"more than {most} bytes sent")
        yield piece


def unpacked(pieces: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    if encoding in ("", "identity"):
        return iter(pieces)
    if encoding in ("gzip", "x-gzip", "deflate"):
        return inflated(pieces)
    raise UrlUnreachable(detail=f"packed with {encoding}, which we did not ask for")


def inflated(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """In small steps: a few bytes may unpack to a thousand times as much."""
    stream, is_started = zlib.decompressobj(_ANY_HEADER), False
    try:
        for piece in pieces:
            data = piece
            while data:
                if stream.eof:  # another member follows
                    stream = zlib.decompressobj(_ANY_HEADER)
                is_started = True
                yield stream.decompress(data, _PIECE)
                data = stream.unused_data if stream.eof else stream.unconsumed_tail
        while is_started and not stream.eof:
            rest = stream.decompress(b"", _PIECE)
            if not rest and not stream.eof:
                raise UrlUnreachable(detail="the packed body ends too soon")
            yield rest
    except zlib.error as error:
        raise UrlUnreachable(detail=f"the packed body is damaged: {error}") from error
