"""People as CSV: whatever a spreadsheet writes is read, and each line that can't be used says why. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from accounts.errors import ListTooLong, ListUnreadable
from accounts.permissions import Role

MAX_BYTES = 1024 * 1024
MAX_LINES = 1000
DELIMITERS = (",", ";", "\t")
NAMES = {
    "email": {"email", "e-mail", "e-mail address", "email address", "mail"},
    "name": {"name", "full name"},
    "role": {"role"},
    "groups": {"groups", "group", "teams", "team"},
}
ROLES = {text.casefold(): role for role in Role for text in (role.value, role.label)} | {"": Role.MEMBER}


@dataclass(frozen=True, slots=True)
class Line:
    """`number` is where it stands in the file, from 1; `groups` are names as they were written."""

    number: int
    email: str
    name: str
    role: Role
    groups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    number: int
    reason: str


@dataclass(frozen=True, slots=True)
class PeopleList:
    lines: tuple[Line, ...]
    problems: tuple[Problem, ...]


def read_people(data: bytes) -> PeopleList:
    """Raises ListTooLong, and ListUnreadable when the first line names no e-mail column."""
    if len(data) > MAX_BYTES:
        raise ListTooLong
    rows = list(records(decoded(data)))
    if not rows:
        raise ListUnreadable
    columns = columns_of(rows[0][1])
    if "email" not in columns:
        raise ListUnreadable
    if len(rows) - 1 > MAX_LINES:
        raise ListTooLong
    return checked([(number, cells_by_name(cells, columns)) for number, cells in rows[1:]])


def decoded(data: bytes) -> str:
    """Spreadsheets write UTF-8, with a mark in front or without, UTF-16 with one, or the code page of Windows."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace").replace("\x00", "")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", "replace")
    return text.replace("\x00", "")


def records(text: str) -> Iterator[tuple[int, list[str]]]:
    """Each line that says anything, with its number."""
    first = text.lstrip().partition("\n")[0]
    delimiter = max(DELIMITERS, key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield reader.line_num, [" ".join(cell.split()) for cell in cells]
    except csv.Error as error:
        raise ListUnreadable(detail=str(error)) from error


def columns_of(head: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for place, cell in enumerate(head):
        for name, spellings in NAMES.items():
            if cell.casefold() in spellings:
                found.setdefault(name, place)
    return found


def cells_by_name(cells: Sequence[str], columns: dict[str, int]) -> dict[str, str]:
    return {name: cells[place] if place < len(cells) else "" for name, place in columns.items()}


def checked(rows: Sequence[tuple[int, dict[str, str]]]) -> PeopleList:
    lines: list[Line] = []
    problems: list[Problem] = []
    seen: dict[str, int] = {}
    for number, cells in rows:
        found = line_of(number, cells, seen)
        if isinstance(found, Problem):
            problems.append(found)
        else:
            seen[found.email] = number
            lines.append(found)
    return PeopleList(tuple(lines), tuple(problems))


def line_of(number: int, cells: dict[str, str], seen: dict[str, int]) -> Line | Problem:
    email, role = cells["email"].lower(), ROLES.get(cells.get("role", "").casefold())
    if not is_address(email):
        return Problem(number, f"“{cells['email'][:80]}” is no e-mail address.")
    if email in seen:
        return Problem(number, f"{email} stands in line {seen[email]} already.")
    if role is None:
        known = ", ".join(one.value for one in Role)
        return Problem(number, f"There is no role “{cells['role'][:40]}”. Use one of: {known}.")
    groups = tuple(dict.fromkeys(part.strip() for part in split_groups(cells.get("groups", "")) if part.strip()))
    return Line(number, email, cells.get("name", "")[:120], role, groups)


def split_groups(text: str) -> list[str]:
    """Commas, semicolons or upright strokes between them, whichever the file's own commas leave free."""
    return text.replace(";", "|").replace(",", "|").split("|")


def is_address(text: str) -> bool:
    try:
        validate_email(text)
    except ValidationError:
        return False
    return len(text) <= 254
