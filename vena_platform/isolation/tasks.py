from __future__ import annotations

import logging

from celery import shared_task

from vena_platform.isolation.errors import ProbeFailed
from vena_platform.isolation.running import report_make

logger = logging.getLogger(__name__)


@shared_task(expires=3600)
def make_isolation_report() -> None:
    """Between two organisations of its own: it works for none of the platform's."""
    try:
        report_make()
    except ProbeFailed as error:
        logger.error("isolation.no_report", extra={"detail": error.detail})
