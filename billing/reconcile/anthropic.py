"""Anthropic's own figures: `GET /v1/organizations/usage_report/messages` and the console's CSV export. Written against
the API's published shape, pages as they come."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from billing.reconcile.fields import count, day_of_texts, json_of, name_of, part, rows_of, unreadable
from billing.reconcile.types import ProviderLine

FRESH, READ, WRITTEN = "uncached_input_tokens", "cache_read_input_tokens", "cache_creation"
LIVES = ("ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens")
CELLS = {  # of the console's export → as the API calls them
    "usage_input_tokens_no_cache": FRESH,
    "usage_input_tokens_cache_read": READ,
    "usage_input_tokens_cache_write_5m": LIVES[0],
    "usage_input_tokens_cache_write_1h": LIVES[1],
    "usage_output_tokens": "output_tokens",
}


def from_json(content: bytes) -> Iterator[ProviderLine]:
    """One page, or a list of all pages."""
    found = json_of(content)
    pages = found if isinstance(found, list) else [found]
    for page_number, page in enumerate(pages, 1):
        where = f"Page {page_number}"
        for number, bucket in enumerate(part(page, "data", list, where), 1):
            yield from of_bucket(bucket, f"{where}, bucket {number}")
    if pages and pages[-1].get("has_more"):
        raise unreadable("", "There are more pages (has_more). Fetch them all and save them as one list.")


def of_bucket(bucket: Any, where: str) -> Iterator[ProviderLine]:
    results = part(bucket, "results", list, where)
    day = day_of_texts(bucket.get("starting_at"), bucket.get("ending_at"), where)
    for number, result in enumerate(results, 1):
        here = f"{where}, result {number}"
        part(result, FRESH, int, here)
        written = result.get(WRITTEN) or {}
        if not isinstance(written, Mapping):
            raise unreadable(here, f"{WRITTEN} is of another kind.")
        yield line({**result, **{name: written.get(name) for name in LIVES}}, day, here)


def line(cells: Mapping[str, Any], day: date, where: str) -> ProviderLine:
    read = count(cells.get(READ), READ, where, is_needed=False)
    written = sum(count(cells.get(name), name, where, is_needed=False) for name in LIVES)
    return ProviderLine(
        day=day,
        model=name_of(cells.get("model"), where),
        input_tokens=count(cells.get(FRESH), FRESH, where) + read + written,
        cached_input_tokens=read,
        cache_write_tokens=written,
        output_tokens=count(cells.get("output_tokens"), "output_tokens", where),
    )


def from_csv(content: bytes) -> Iterator[ProviderLine]:
    for where, row in rows_of(content, ("usage_date_utc", "model_version", *CELLS)):
        try:
            day = date.fromisoformat(row["usage_date_utc"])
        except ValueError as error:
            raise unreadable(where, "usage_date_utc is not a day like 2026-03-31.") from error
        cells = {name: row[column] for column, name in CELLS.items()}
        yield line({**cells, "model": row["model_version"]}, day, where)
