"""Single values of providers' files, read strictly: what is not as it should be is refused, with its place."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from billing.errors import UsageFileUnreadable
from billing.reconcile.types import LONGEST_MODEL

MOST = 10**15  # tokens of a line
OLDEST, SECONDS_A_DAY = datetime(2020, 1, 1, tzinfo=UTC), 86_400


def unreadable(where: str, what: str) -> UsageFileUnreadable:
    return UsageFileUnreadable(f"{where}: {what}" if where else what)


def json_of(content: bytes) -> Any:
    """Numbers with a point become Decimal: an amount of money is never a float."""
    try:
        return json.loads(content.decode("utf-8-sig"), parse_float=Decimal, parse_constant=refused)
    except (ValueError, RecursionError) as error:
        raise unreadable("", "The file is not JSON. Save the answer of the provider's API as it came.") from error


def refused(name: str) -> Any:
    raise ValueError(name)


def rows_of(content: bytes, columns: Sequence[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Lines of a CSV with their places; all of `columns` must be there, others may be."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise unreadable("", "The file is not text in UTF-8. Export it again as CSV.") from error
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        missing = [name for name in columns if name not in (reader.fieldnames or ())]
        if missing:
            raise unreadable("Line 1", f"the column {missing[0]} is missing. Export usage, grouped by model.")
        for row in reader:
            where = f"Line {reader.line_num}"
            if None in row or None in row.values():
                raise unreadable(where, "it has more or fewer cells than the first line has names.")
            yield where, row
    except csv.Error as error:
        raise unreadable(f"Line {reader.line_num}", "it is not CSV. Export the file again.") from error


def part(value: Any, name: str, kind: type, where: str) -> Any:
    """One member of a JSON object."""
    found = value.get(name) if isinstance(value, Mapping) else None
    if not isinstance(found, kind):
        raise unreadable(where, f"{name} is missing or of another kind. Save the answer of the API as it came.")
    return found


def count(value: Any, name: str, where: str, *, is_needed: bool = True) -> int:
    """A whole number that is not below nothing. Exports write some with a point: `3.0`."""
    if value in (None, "") and not is_needed:
        return 0
    try:
        number = Decimal(value) if isinstance(value, str | int | Decimal) and not isinstance(value, bool) else None
    except InvalidOperation:
        number = None
    if number is None or not number.is_finite() or number != number.to_integral_value() or not 0 <= number <= MOST:
        raise unreadable(where, f"{name} is not a count of tokens or calls.")
    return int(number)


def amount(value: Any, name: str, where: str) -> Decimal:
    """Of money; a provider may also give some back."""
    try:
        number = Decimal(value) if isinstance(value, str | int | Decimal) and not isinstance(value, bool) else None
    except InvalidOperation:
        number = None
    if number is None or not number.is_finite() or abs(number) > MOST:
        raise unreadable(where, f"{name} is not an amount of money.")
    return number


def name_of(value: Any, where: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise unreadable(where, "no model is named. Ask for usage grouped by model.")
    if len(value) > LONGEST_MODEL or not value.isprintable():
        raise unreadable(where, "the model's name is none.")
    return value.strip()


def day_of_seconds(start: Any, end: Any, where: str) -> date:
    """The day of UTC that a bucket lies in; a bucket over several days can't be compared day by day."""
    first, last = count(start, "start_time", where), count(end, "end_time", where)
    if first < OLDEST.timestamp() or last <= first or last > OLDEST.timestamp() + 200 * 366 * SECONDS_A_DAY:
        raise unreadable(where, "start_time and end_time are not a period in seconds since 1970.")
    return within_a_day(datetime.fromtimestamp(first, UTC), datetime.fromtimestamp(last, UTC), where)


def day_of_texts(start: Any, end: Any, where: str) -> date:
    try:
        first, last = datetime.fromisoformat(start), datetime.fromisoformat(end)
    except (TypeError, ValueError) as error:
        raise unreadable(where, "starting_at and ending_at are not times like 2026-03-31T00:00:00Z.") from error
    if first.tzinfo is None or last.tzinfo is None or not OLDEST <= first < last:
        raise unreadable(where, "starting_at and ending_at are not a period with its time zone.")
    return within_a_day(first.astimezone(UTC), last.astimezone(UTC), where)


def within_a_day(first: datetime, last: datetime, where: str) -> date:
    if (last - timedelta(microseconds=1)).date() != first.date():
        raise unreadable(where, "it covers more than one day of UTC. Ask for buckets of a day, an hour or a minute.")
    return first.date()
