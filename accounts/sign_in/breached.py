"""Passwords that attackers try first, looked up without asking anybody.

The list holds the first six bytes of each password's SHA-256, sorted: half a megabyte, and nothing to read in it. One
password in two thousand million that is not on the list looks as if it were.
`python -m accounts.sign_in.breached PASSWORDS.txt LIST.bin` makes a list from a file with a password a line.
"""

from __future__ import annotations

import functools
import hashlib
import sys
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from pathlib import Path

WIDTH = 6  # bytes kept of each hash
SHORTEST = 10  # characters: shorter passwords are refused for their length
BUNDLED = Path(__file__).with_name("breached-passwords.bin")


class Entries(Sequence[bytes]):
    """The file's bytes as a sorted sequence of hashes."""

    def __init__(self, content: bytes) -> None:
        if len(content) % WIDTH:
            raise ValueError(f"a list of breached passwords has {WIDTH} bytes an entry")
        self._content = content

    def __len__(self) -> int:
        return len(self._content) // WIDTH

    def __getitem__(self, place: int) -> bytes:  # type: ignore[override]
        return self._content[place * WIDTH : (place + 1) * WIDTH]


def mark_of(password: str) -> bytes:
    return hashlib.sha256(password.lower().encode()).digest()[:WIDTH]


def packed(passwords: Iterable[str]) -> bytes:
    return b"".join(sorted({mark_of(word) for word in passwords if len(word) >= SHORTEST}))


@functools.cache
def entries(path: Path) -> Entries:
    return Entries(path.read_bytes())


def is_breached(password: str, path: Path = BUNDLED) -> bool:
    found, mark = entries(path), mark_of(password)
    place = bisect_left(found, mark)
    return place < len(found) and found[place] == mark


if __name__ == "__main__":
    source, target = map(Path, sys.argv[1:])
    target.write_bytes(packed(source.read_text(errors="replace").splitlines()))
