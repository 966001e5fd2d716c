"""The one statement that writes the ledger: new rows, what budgets have spent, what they held, which answers are open.

All of it or nothing, in one round trip. A row is written once for each key, and only what is new is counted. Nothing is
written while a budget that must count has no row for its period yet: it is made, and the statement runs again.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection

from billing.budgets import LEVEL, Payer, Share, forget_budgets, period_open, shares_of
from billing.models import UsageEvent

logger = logging.getLogger(__name__)

ATTEMPTS = 3
FIELDS = [field for field in UsageEvent._meta.concrete_fields if field.name != "id"]
COLUMNS = ", ".join(f'"{field.column}"' for field in FIELDS)
ROW = "(" + ", ".join(f"%s::{field.db_type(connection)}" for field in FIELDS) + ")"
# Where no budget counts. `closed`: of the answers that end with it, those that were still open.
PLAIN = """
WITH fresh AS (
  INSERT INTO public.billing_usagekey (key) SELECT unnest(%s::uuid[]) ON CONFLICT DO NOTHING RETURNING key
), closed AS (DELETE FROM public.billing_openanswer WHERE id = ANY(%s::uuid[]) RETURNING id)
, written AS (
INSERT INTO public.billing_usageevent ({columns})
SELECT call.* FROM (VALUES {rows}) AS call ({columns}) JOIN fresh ON fresh.key = call.idempotency_key
)
SELECT ARRAY(SELECT key FROM fresh), ARRAY(SELECT id FROM closed), false
"""
# Periods are locked in the order in which every other statement locks them.
COUNTED = """
WITH shares (key, budget_id, subject_id, starts_on) AS (
  SELECT * FROM unnest(%s::uuid[], %s::uuid[], %s::uuid[], %s::date[])
), missing AS (
  SELECT 1 FROM shares WHERE NOT EXISTS (
    SELECT 1 FROM public.billing_budgetperiod AS period WHERE period.budget_id = shares.budget_id
      AND period.subject_id = shares.subject_id AND period.starts_on = shares.starts_on)
), fresh AS (
  INSERT INTO public.billing_usagekey (key) SELECT unnest(%s::uuid[]) WHERE NOT EXISTS (SELECT 1 FROM missing)
  ON CONFLICT DO NOTHING RETURNING key
), closed AS (
  DELETE FROM public.billing_openanswer WHERE id = ANY(%s::uuid[]) AND NOT EXISTS (SELECT 1 FROM missing) RETURNING id
), freed AS (
  DELETE FROM public.billing_budgethold WHERE key = ANY(%s::uuid[]) AND NOT EXISTS (SELECT 1 FROM missing)
  RETURNING period_id, amount_gbp
), written AS (
  INSERT INTO public.billing_usageevent ({columns})
  SELECT call.* FROM (VALUES {rows}) AS call ({columns}) JOIN fresh ON fresh.key = call.idempotency_key
  RETURNING idempotency_key, cost_gbp
), changes AS (
  SELECT id, sum(spent) AS spent, sum(freed) AS freed FROM (
    SELECT period.id, written.cost_gbp AS spent, 0 AS freed FROM written
    JOIN shares ON shares.key = written.idempotency_key JOIN public.billing_budgetperiod AS period
      ON period.budget_id = shares.budget_id AND period.subject_id = shares.subject_id
      AND period.starts_on = shares.starts_on
    UNION ALL SELECT period_id, 0, amount_gbp FROM freed
  ) AS parts GROUP BY id
), locked AS (
  SELECT id FROM public.billing_budgetperiod WHERE id IN (SELECT id FROM changes)
  ORDER BY budget_id, subject_id, starts_on FOR UPDATE
), changed AS (
  UPDATE public.billing_budgetperiod AS period
  SET spent_gbp = period.spent_gbp + changes.spent, reserved_gbp = period.reserved_gbp - changes.freed,
    reached_at = CASE WHEN changes.spent < 0 THEN NULL ELSE period.reached_at END,
    warned_percent = CASE WHEN changes.spent < 0
      THEN least(period.warned_percent, {level})
      ELSE period.warned_percent END
  FROM changes, locked WHERE period.id = changes.id AND locked.id = period.id
)
SELECT ARRAY(SELECT key FROM fresh), ARRAY(SELECT id FROM closed), EXISTS (SELECT 1 FROM missing)
"""


LEFT = LEVEL.format(spent="(period.spent_gbp + changes.spent)", limit="period.limit_gbp")  # of warnings, after a refund


@dataclass(frozen=True, slots=True)
class Booked:
    written: frozenset[UUID]  # keys of the rows that are new
    closed: frozenset[UUID]  # of the open answers, those that were open until now


def booked(events: Sequence[UsageEvent], *, held: Collection[UUID] = (), closes: Collection[UUID] = ()) -> Booked:
    """Append the rows that are new and count them, give back what was held under `held`, close open answers."""
    for _ in range(ATTEMPTS):
        shares = [(event.idempotency_key, share) for event in events for share in shares_of_event(event)]
        written, closed, is_missing = run(events, shares, list(held), list(closes))
        if not is_missing:
            return Booked(frozenset(written), frozenset(closed))
        periods_open({share.order: share for _, share in shares}.values())
    # Rows must not be lost for a budget's sake; the nightly recount sets the budgets right.
    logger.error("budgets.not_counted", extra={"calls": len(events)})
    written, closed, _ = run(events, [], list(held), list(closes))
    return Booked(frozenset(written), frozenset(closed))


def periods_open(shares: Iterable[Share]) -> None:
    for share in shares:
        period_open(share)
    forget_budgets()  # one that is gone, with its organisation, was only remembered


def run(
    events: Sequence[UsageEvent],
    shares: Sequence[tuple[UUID, Share]],
    held: list[UUID],
    closes: list[UUID],
) -> tuple[list[UUID], list[UUID], bool]:
    keys = [event.idempotency_key for event in events]
    values = [getattr(event, field.attname) for event in events for field in FIELDS]
    rows = ", ".join([ROW] * len(events))
    if not rows:  # nothing was called, but something was held
        rows = "({})".format(", ".join(f"NULL::{field.db_type(connection)}" for field in FIELDS))
    template, after = PLAIN, [closes]
    before: list[list[Any]] = []
    if shares or held:
        ones = [share for _, share in shares]
        before = [
            [key for key, _ in shares],
            [share.budget.pk for share in ones],
            [share.subject for share in ones],
            [share.start for share in ones],
        ]
        template, after = COUNTED, [closes, held]
    with connection.cursor() as cursor:
        cursor.execute(template.format(columns=COLUMNS, rows=rows, level=LEFT), [*before, keys, *after, *values])
        written, closed, is_missing = cursor.fetchone()
    return written, closed, is_missing


def shares_of_event(event: UsageEvent) -> list[Share]:
    """The budgets that count a row. What costs nothing changes none."""
    if not event.cost_gbp:
        return []
    payer = Payer(event.organisation_id, event.member_id, tuple(event.group_ids))
    return shares_of(payer, event.created_at.date())
