"""The log as a file: what a row says, and all that is needed to make its hash again."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from io import StringIO
from typing import Any

from django.db.models import QuerySet, TextField
from django.db.models.functions import Cast

from accounts.audit.models import AuditEvent

COLUMNS = (
    *("id", "at", "action", "actor_id", "actor_kind", "actor_label", "target_kind", "target_id", "target_label"),
    *("address", "user_agent", "request_id", "organisation", "detail"),
    *("salt", "erased_at", "personal_hash", "previous_hash", "hash"),
)
FORMULA = ("=", "+", "-", "@", "\t", "\r")
MOST_AT_ONCE = 2000  # rows in memory


def rows_of(events: QuerySet[AuditEvent]) -> Iterator[dict[str, Any]]:
    rows: Any = events.order_by("id").annotate(detail_text=Cast("detail", TextField()))
    for row in rows.iterator(chunk_size=MOST_AT_ONCE):
        shown = {name: getattr(row, name) for name in COLUMNS}
        times = {name: shown[name] and shown[name].isoformat(timespec="microseconds") for name in ("at", "erased_at")}
        yield {**shown, **times, "actor_id": str(row.actor_id or ""), "detail": row.detail_text}


def as_csv(events: QuerySet[AuditEvent]) -> Iterator[bytes]:
    yield csv_line(COLUMNS)
    for row in rows_of(events):
        yield csv_line([safe(row[name]) for name in COLUMNS])


def csv_line(values: Iterable[object]) -> bytes:
    line = StringIO()
    csv.writer(line).writerow(values)
    return line.getvalue().encode()


def safe(value: object) -> object:
    """A spreadsheet must not take a text for a formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def as_json(events: QuerySet[AuditEvent]) -> Iterator[bytes]:
    """One object a line. `detail` is the text as it was hashed."""
    for row in rows_of(events):
        yield json.dumps(row, ensure_ascii=False, default=str).encode() + b"\n"


FORMATS = {"csv": (as_csv, "text/csv; charset=utf-8"), "jsonl": (as_json, "application/jsonl")}
