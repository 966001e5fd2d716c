"""What the books need now and then. All of it may be repeated."""

from __future__ import annotations

import logging
from uuid import UUID

from celery import shared_task

from billing.anomalies import anomalies_find
from billing.anomaly_mails import anomalies_tell
from billing.budget_periods import budgets_recount
from billing.budget_warnings import budgets_warn
from billing.budgets import holds_sweep
from billing.invoicing.closing import invoices_check, months_close
from billing.invoicing.collecting import invoices_collect
from billing.invoicing.mails import invoices_send
from billing.open_answers import lost_sweep
from billing.partitions import partitions_ensure
from billing.payments.actions import payments_reconcile
from billing.plans.calendar import subscriptions_advance
from billing.plans.mails import subscribers_tell
from billing.rollups import days_check, days_roll, today_roll
from billing.schedules import reports_send

logger = logging.getLogger(__name__)


@shared_task
def sweep_holds() -> None:
    """What processes that died had spent is written, and what they held is free."""
    if count := lost_sweep():
        logger.warning("usage.lost_answers_swept", extra={"count": count})
    if count := holds_sweep():
        logger.warning("budgets.holds_swept", extra={"count": count})


@shared_task
def recount_budget(*, budget_id: str) -> None:
    budgets_recount(UUID(budget_id))


@shared_task
def warn_of_budgets() -> None:
    budgets_warn()


@shared_task
def send_reports() -> None:
    reports_send()


@shared_task
def roll_up_days() -> None:
    days_roll()
    today_roll()


@shared_task
def find_anomalies() -> None:
    anomalies_find()
    anomalies_tell()


@shared_task
def advance_subscriptions() -> None:
    """Several steps may be due after a rest."""
    while subscriptions_advance():
        pass
    subscribers_tell()


@shared_task
def close_months() -> None:
    months_close()
    invoices_check()


@shared_task
def send_invoices() -> None:
    invoices_send()


@shared_task
def collect_invoices() -> None:
    invoices_collect()


@shared_task
def reconcile_payments() -> None:
    payments_reconcile()


@shared_task
def keep_the_books() -> None:
    """Tables for the months to come; days rolled up and compared with the ledger; budgets that follow it."""
    partitions_ensure()
    days_roll()
    days_check()
    for period, had in budgets_recount():
        logger.error(
            "budgets.differed", extra={"budget": str(period.budget_id), "had": str(had), "true": str(period.spent_gbp)}
        )
