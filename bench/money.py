"""What the books cost: a month's report over ten million ledger rows, a ledger write, a budget's check.

    python -m bench.money [--rows 10000000] [--people 500]

On PostgreSQL of its own, in a folder that is thrown away, as `serve` brings it. All rows are one organisation's, spread
evenly over the 30 days up to now, so one day's are not rolled up. Milliseconds; medians of a number of tries.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

# Rows are written in the order of time, as the ledger is.
FILL = """
INSERT INTO public.billing_usageevent (idempotency_key, created_at, organisation_id, organisation_label, member_id,
  member_label, kind, outcome, subject, provider, model, input_tokens, cached_input_tokens, cache_write_tokens,
  output_tokens, is_estimated, price_id, rate_id, cost_gbp, group_ids, group_id, cost_centre, api_key_id,
  conversation_id, collection_ids)
SELECT gen_random_uuid(), now() - interval '30 days' * (1 - n::float / %(rows)s), %(organisation)s, 'org_bench',
  ('00000000-0000-4000-8000-' || lpad((n %% %(people)s)::text, 12, '0'))::uuid, 'person' || n %% %(people)s,
  (ARRAY['chat', 'rewrite', 'embedding', 'assist'])[1 + n %% 4], 'complete', gen_random_uuid(), 'openai',
  (ARRAY['gpt-4o', 'gpt-4o-mini', 'text-embedding-3-small'])[1 + n %% 3], 3000, 400, 0, 120, false, %(price)s, %(rate)s,
  0.00553, '{}', ('00000000-0000-4000-9000-' || lpad((n %% %(people)s %% 20)::text, 12, '0'))::uuid,
  (n %% %(people)s %% 10)::text,
  CASE WHEN n %% %(people)s %% 10 = 0
    THEN ('00000000-0000-4000-a000-' || lpad((n %% %(people)s)::text, 12, '0'))::uuid END,
  ('00000000-0000-4000-b000-' || lpad((n / 32)::text, 12, '0'))::uuid,
  ARRAY[('00000000-0000-4000-c000-' || lpad((n / 7 %% 30)::text, 12, '0'))::uuid]
FROM generate_series(%(first)s, %(last)s) AS n
"""
STEP = 1_000_000


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.money", description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--people", type=int, default=500)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="vena-bench-") as folder, ExitStack() as running:
        os.environ.update(VENA_HOME=folder, DJANGO_SETTINGS_MODULE="vena_platform.settings.local")
        os.environ.setdefault("VENA_MODEL_FOLDER", str(Path(".vena/models").resolve()))
        from vena_platform import embedded

        running.enter_context(embedded.services(owner=False))
        import django

        django.setup()
        measure(options.rows, options.people)


def measure(rows: int, people: int) -> None:
    from django.core.management import call_command
    from django.utils import timezone

    from billing.calls import calls_of_line
    from billing.reports import OF_MEMBERS, usage_report, usage_reports
    from billing.rollups import day_check, days_roll, today_roll
    from billing.statements import chargeback
    from billing.views import SHOWN
    from tenants.models import Organisation

    call_command("migrate_schemas", shared=True, verbosity=0)
    organisation = Organisation.objects.create(name="Bench", slug="bench", schema_name="org_bench", state="active")
    fill(organisation.pk, rows, people)
    today = timezone.now().date()
    since = today - timedelta(days=29)
    tell("all of it straight from the ledger", lambda: usage_report(organisation.pk, since, today, "model"), 1)
    started = time.perf_counter()
    days = days_roll()
    print(f"rolled up {len(days)} days: {(time.perf_counter() - started) / len(days) * 1000:,.0f} ms a day")
    tell(
        "month by model, today's calls all from the ledger",
        lambda: usage_report(organisation.pk, since, today, "model"),
        3,
    )
    tell("month by model", lambda: usage_report(organisation.pk, since, today, "model"), 5)
    tell("rolling up the day that runs", lambda: today_roll(timezone.now() - timedelta(hours=1)), 1)
    four = ("day", "member", "model", "kind")
    tell("month, four groupings at once", lambda: usage_reports(organisation.pk, since, today, four), 5)
    tell("month, seven groupings at once", lambda: usage_reports(organisation.pk, since, today, OF_MEMBERS), 5)
    tell("the page's eight groupings", lambda: usage_reports(organisation.pk, since, today, SHOWN), 5)
    tell("the same without today", lambda: usage_reports(organisation.pk, since, days[-1], SHOWN), 5)
    tell("month by collection", lambda: usage_report(organisation.pk, since, today, "collection"), 5)
    tell("chargeback of the month", lambda: chargeback(organisation.pk, since, today), 5)
    tell(
        "month by conversation, from the ledger", lambda: usage_report(organisation.pk, since, today, "conversation"), 1
    )
    conversation = "00000000-0000-4000-b000-000000012345"
    found = calls_of_line(organisation.pk, since, today, "conversation", conversation)
    tell("the calls of one conversation", lambda: list(found.order_by("-created_at", "-id")[:51]), 5)
    member = calls_of_line(organisation.pk, since, today, "member", "00000000-0000-4000-8000-000000000007")
    tell("the newest calls of a member", lambda: list(member.order_by("-created_at", "-id")[:51]), 5)
    tell("a day compared with the ledger", lambda: day_check(days[-1]), 3)
    answers(organisation)


def fill(organisation: Any, rows: int, people: int) -> None:
    from django.db import connection

    from billing.models import ExchangeRate, ModelPrice

    facts: dict[str, Any] = {
        "organisation": organisation,
        "rows": rows,
        "people": people,
        "price": ModelPrice.objects.filter(model="gpt-4o").latest("valid_from").pk,
        "rate": ExchangeRate.objects.latest("valid_from").pk,
    }
    started = time.perf_counter()
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")  # price and rate are not looked up ten million times
        for first in range(1, rows + 1, STEP):
            cursor.execute(FILL, {**facts, "first": first, "last": min(rows, first + STEP - 1)})
        cursor.execute("SET session_replication_role = origin")
        cursor.execute("ANALYZE public.billing_usageevent")
    print(f"{rows:,} rows written in {time.perf_counter() - started:,.0f} s", flush=True)


def answers(organisation: Any) -> None:
    """One answer's ledger write (two calls), without and with a budget; and a budget's check, the note before a call,
    and the end of such an answer: its calls written, its hold given back, its note taken away."""
    from billing.actions import budget_give
    from billing.budgets import Payer, budget_release, budget_reserve, forget_budgets
    from billing.metering import record_usage
    from billing.open_answers import answer_note, usage_settle
    from billing.types import UsageRecord

    def call(kind: str) -> UsageRecord:
        values: Any = {
            "tenant": organisation.key,
            "provider": "openai",
            "model": "gpt-4o",
            "input_tokens": 3000,
            "cached_input_tokens": 400,
        }
        return UsageRecord(key=uuid4(), kind=kind, outcome="complete", output_tokens=99, **values)

    def note(key: UUID) -> None:
        answer_note(key, key, key, [call("rewrite"), call("chat")])

    def end(key: UUID) -> None:
        usage_settle([call("chat"), call("rewrite")], key, key)

    tell("ledger write of an answer, no budget", lambda: record_usage([call("chat"), call("rewrite")]), 200)
    facts: Any = {"organisation": organisation, "scope": "organisation", "amount_gbp": Decimal(10**6)}
    tell("giving a budget", lambda: budget_give(**facts), 1)
    forget_budgets()
    tell("ledger write of an answer, one budget", lambda: record_usage([call("chat"), call("rewrite")]), 200)
    payer, keys = Payer(organisation.pk), [uuid4() for _ in range(200)]
    left = iter(keys)
    tell("budget check", lambda: budget_reserve(payer, next(left), Decimal("0.01")), 200)
    left = iter(keys)
    tell("note before a call", lambda: note(next(left)), 200)
    left = iter(keys)
    tell("end of an answer, with budget", lambda: end(next(left)), 200)
    keys = [uuid4() for _ in range(200)]
    for key in keys:
        budget_reserve(payer, key, Decimal("0.01"))
    left = iter(keys)
    tell("giving back alone", lambda: budget_release(next(left)), 200)


def tell(name: str, work: Callable[[], object], tries: int) -> None:
    times = []
    for _ in range(tries):
        started = time.perf_counter()
        work()
        times.append((time.perf_counter() - started) * 1000)
    print(f"{name}: {statistics.median(times):,.1f} ms (least {min(times):,.1f}, most {max(times):,.1f})", flush=True)


if __name__ == "__main__":
    main()
