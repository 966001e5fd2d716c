"""Outlook's messages (.msg), written from nothing: a compound file whose streams hold a message's properties."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

Tree = dict[str, "bytes | Tree"]

_SECTOR, _SMALL_SECTOR, _CUTOFF = 512, 64, 4096  # bytes; shorter streams share the sectors of one
_NONE, _END, _TABLE = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
_ROOT, _STORAGE, _STREAM = 5, 1, 2
_TEXT, _BINARY, _NUMBER, _FOLDER = 0x001F, 0x0102, 0x0003, 0x000D

SUBJECT, BODY, HTML, SENDER, ADDRESS, SHOWN_TO = 0x0037, 0x1000, 0x1013, 0x0C1A, 0x0C1F, 0x0E04
_DATA, _METHOD, _LONG_NAME, _CODEPAGE = 0x3701, 0x3705, 0x3707, 0x3FDE


@dataclass
class Letter:
    """`attached` are names with bytes, or with a letter of their own."""

    texts: dict[int, str] = field(default_factory=dict)
    html: bytes = b""
    attached: Sequence[tuple[str, bytes | Letter]] = ()


def msg(letter: Letter) -> bytes:
    return compound_file(_message(letter, header=32))


def _message(letter: Letter, header: int) -> Tree:
    values: dict[tuple[int, int], bytes | int] = {
        (number, _TEXT): text.encode("utf-16-le") for number, text in letter.texts.items()
    }
    if letter.html:
        values |= {(HTML, _BINARY): letter.html, (_CODEPAGE, _NUMBER): 65001}
    counts = struct.pack("<8x4I", 0, len(letter.attached), 0, len(letter.attached)).ljust(header, b"\0")[:header]
    tree = _properties(values, counts)
    for number, (name, content) in enumerate(letter.attached):
        tree[f"__attach_version1.0_#{number:08X}"] = _attachment(name, content)
    return tree


def _attachment(name: str, content: bytes | Letter) -> Tree:
    values: dict[tuple[int, int], bytes | int] = {(_LONG_NAME, _TEXT): name.encode("utf-16-le")} if name else {}
    if isinstance(content, bytes):
        return _properties({**values, (_METHOD, _NUMBER): 1, (_DATA, _BINARY): content}, bytes(8))
    tree = _properties({**values, (_METHOD, _NUMBER): 5}, bytes(8))
    return {**tree, f"__substg1.0_{_DATA:04X}{_FOLDER:04X}": _message(content, header=24)}


def _properties(values: dict[tuple[int, int], bytes | int], header: bytes) -> Tree:
    tree: Tree = {}
    entries = b""
    for (number, kind), value in values.items():
        if isinstance(value, bytes):
            tree[f"__substg1.0_{number:04X}{kind:04X}"] = value
        entries += struct.pack("<HHIIi", kind, number, 6, len(value) if isinstance(value, bytes) else value, 0)
    return {**tree, "__properties_version1.0": header + entries}


# -- the compound file ----------------------------------------------------------------------------


def compound_file(tree: Tree) -> bytes:
    return _File(tree).content()


class _File:
    def __init__(self, tree: Tree) -> None:
        self._sectors: list[bytes] = []
        self._next: list[int] = []  # for each sector, the one that goes on
        self._small, self._small_next = bytearray(), list[int]()
        self._entries: list[list[object]] = [["Root Entry", _ROOT, _NONE, _NONE, _NONE, _END, 0]]
        self._entries[0][4] = self._add(tree)

    def content(self) -> bytes:
        self._entries[0][5], self._entries[0][6] = self._chain(bytes(self._small)), len(self._small)
        small_table = self._chain(b"".join(number.to_bytes(4, "little") for number in self._small_next), b"\xff")
        small_sectors = -(-4 * len(self._small_next) // _SECTOR)
        directory = self._chain(b"".join(self._packed()))
        table_at, tables = len(self._sectors), 1
        while (table_at + tables) * 4 > tables * _SECTOR:
            tables += 1
        chains = [*self._next, *[_TABLE] * tables]
        table = b"".join(number.to_bytes(4, "little") for number in chains).ljust(tables * _SECTOR, b"\xff")
        header = struct.pack("<8s16xHHHHH6x", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 0x3E, 3, 0xFFFE, 9, 6)
        header += struct.pack("<IIIIIIIIII", 0, tables, directory, 0, _CUTOFF, small_table, small_sectors, _END, 0, 0)[
            :36
        ]
        header += b"".join((table_at + number).to_bytes(4, "little") for number in range(tables)).ljust(436, b"\xff")
        return header + b"".join(self._sectors) + table

    def _add(self, tree: Tree) -> int:
        """The folder's entries as a balanced tree, ordered by length and then by letters; the number of its root."""
        names = sorted(tree, key=lambda name: (len(name), name.upper()))
        numbers = {name: self._entry(name, tree[name]) for name in names}
        return self._balanced([numbers[name] for name in names])

    def _entry(self, name: str, content: bytes | Tree) -> int:
        number = len(self._entries)
        if isinstance(content, bytes):
            self._entries.append([name, _STREAM, _NONE, _NONE, _NONE, self._stored(content), len(content)])
        else:
            self._entries.append([name, _STORAGE, _NONE, _NONE, _NONE, 0, 0])
            self._entries[number][4] = self._add(content)
        return number

    def _balanced(self, numbers: list[int]) -> int:
        if not numbers:
            return _NONE
        middle = len(numbers) // 2
        self._entries[numbers[middle]][2] = self._balanced(numbers[:middle])
        self._entries[numbers[middle]][3] = self._balanced(numbers[middle + 1 :])
        return numbers[middle]

    def _stored(self, content: bytes) -> int:
        if len(content) >= _CUTOFF:
            return self._chain(content)
        if not content:
            return _END
        first, count = len(self._small_next), -(-len(content) // _SMALL_SECTOR)
        self._small += content.ljust(count * _SMALL_SECTOR, b"\0")
        self._small_next += [*range(first + 1, first + count), _END]
        return first

    def _chain(self, content: bytes, filling: bytes = b"\0") -> int:
        if not content:
            return _END
        first, count = len(self._sectors), -(-len(content) // _SECTOR)
        padded = content.ljust(count * _SECTOR, filling)
        self._sectors += [padded[start : start + _SECTOR] for start in range(0, len(padded), _SECTOR)]
        self._next += [*range(first + 1, first + count), _END]
        return first

    def _packed(self) -> Iterator[bytes]:
        for name, kind, left, right, child, start, size in self._entries:
            letters = f"{name}\0".encode("utf-16-le")
            head = struct.pack("<64sHBBIII", letters, len(letters), kind, 1, left, right, child)
            yield head + struct.pack("<16xI16xIQ", 0, start, size)
        for _ in range(-len(self._entries) % 4):
            yield struct.pack("<64sHBBIII52x", b"", 0, 0, 1, _NONE, _NONE, _NONE)
