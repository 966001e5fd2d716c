"""OpenAI's own figures: `GET /v1/organization/usage/completions` (or `embeddings`), `GET /v1/organization/costs`, and
the usage page's CSV export. Written against the API's published shape, pages as they come."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from billing.reconcile.fields import amount, count, day_of_seconds, json_of, name_of, part, rows_of, unreadable
from billing.reconcile.types import ProviderLine

USAGE = ("organization.usage.completions.result", "organization.usage.embeddings.result")
COST = "organization.costs.result"
COLUMNS = ("start_time", "end_time", "model", "num_model_requests", "input_tokens")


def from_json(content: bytes) -> Iterator[ProviderLine]:
    """One page, or a list of all pages."""
    found = json_of(content)
    pages = found if isinstance(found, list) else [found]
    for page_number, page in enumerate(pages, 1):
        where = f"Page {page_number}"
        if part(page, "object", str, where) != "page":
            raise unreadable(where, "it is no page of OpenAI's usage or costs.")
        for number, bucket in enumerate(part(page, "data", list, where), 1):
            yield from of_bucket(bucket, f"{where}, bucket {number}")
    if pages and pages[-1].get("has_more"):
        raise unreadable("", "There are more pages (has_more). Fetch them all and save them as one list.")


def of_bucket(bucket: Any, where: str) -> Iterator[ProviderLine]:
    results = part(bucket, "results", list, where)
    day = day_of_seconds(bucket.get("start_time"), bucket.get("end_time"), where)
    for number, result in enumerate(results, 1):
        yield of_result(result, day, f"{where}, result {number}")


def of_result(result: Any, day: Any, where: str) -> ProviderLine:
    kind = part(result, "object", str, where)
    if kind == COST:
        money = part(result, "amount", dict, where)
        if str(money.get("currency")).lower() != "usd":
            raise unreadable(where, "it is not in US dollars.")
        item = result.get("line_item")
        return ProviderLine(
            day, name_of(item, where) if item else "everything", cost_usd=amount(money.get("value"), "value", where)
        )
    if kind not in USAGE:
        raise unreadable(where, f"{kind[:60]} is not usage of tokens. Import completions, embeddings and costs only.")
    return line(result, day, where)


def line(cells: Any, day: Any, where: str) -> ProviderLine:
    read, cached = (
        count(cells.get("input_tokens"), "input_tokens", where),
        count(cells.get("input_cached_tokens"), "input_cached_tokens", where, is_needed=False),
    )
    if cached > read:
        raise unreadable(where, "more input came from the cache than there was.")
    return ProviderLine(
        day=day,
        model=name_of(cells.get("model"), where),
        calls=count(cells.get("num_model_requests"), "num_model_requests", where),
        input_tokens=read,
        cached_input_tokens=cached,
        output_tokens=count(cells.get("output_tokens"), "output_tokens", where, is_needed=False),
    )


def from_csv(content: bytes) -> Iterator[ProviderLine]:
    for where, row in rows_of(content, COLUMNS):
        if not row["model"] and not row["input_tokens"]:
            continue  # a period in which nothing was used
        yield line(row, day_of_seconds(row["start_time"], row["end_time"], where), where)
