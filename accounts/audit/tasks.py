"""At night: every log is verified, its end is marked, what is older than the log is kept is cut off."""

from __future__ import annotations

import logging
from datetime import datetime

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from accounts.audit.actions import audit
from accounts.audit.chain import Verdict, chain_cut, chain_verify, mark_seen
from accounts.audit.registry import Action
from tenants.context import PUBLIC, entered
from tenants.selectors import kept_organisations

logger = logging.getLogger(__name__)


@shared_task
def verify_audit_everywhere() -> None:
    for schema_name in (PUBLIC, *(one.schema_name for one in kept_organisations())):
        verify_audit.delay(schema_name=schema_name)


@shared_task(acks_late=True)
def verify_audit(*, schema_name: str) -> None:
    """The head goes to the log as well: whoever keeps logs elsewhere has a witness that no database can change."""
    with entered(schema_name):
        verdict = chain_verify()
        facts = {"rows": verdict.rows, "last": verdict.last, "head": verdict.head}
        if not verdict.is_whole:
            logger.error("audit.broken", extra={**facts, "problems": told(verdict)})
            return
        logger.info("audit.whole", extra=facts)
        mark_seen(verdict)
        if count := chain_cut(oldest_kept(timezone.now(), settings.VENA_AUDIT_MONTHS)):
            audit(Action.AUDIT_CUT, detail={"rows": count})


def told(verdict: Verdict) -> list[str]:
    return [f"{problem.number}: {problem.what}" for problem in verdict.problems]


def oldest_kept(now: datetime, months: int) -> datetime:
    """The first moment of the month that is `months` before this one: whole months are cut."""
    year, month = divmod(now.year * 12 + now.month - 1 - months, 12)
    return now.replace(year=year, month=month + 1, day=1, hour=0, minute=0, second=0, microsecond=0)
