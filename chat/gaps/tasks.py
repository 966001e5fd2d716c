from __future__ import annotations

import logging
from uuid import UUID

from celery import shared_task

from chat.gaps import actions
from knowledge.errors import IndexUnavailable, ProviderUnavailable
from knowledge.selectors import library_of
from knowledge.tasks import organisation_of
from tenants.context import entered
from tenants.selectors import open_organisations

logger = logging.getLogger(__name__)

RETRYABLE = (ProviderUnavailable, IndexUnavailable)


@shared_task(acks_late=True, autoretry_for=RETRYABLE, retry_backoff=5, retry_backoff_max=300, max_retries=6)
def place_gap_question(*, schema_name: str, answer_id: str) -> None:
    organisation = organisation_of(schema_name)
    if organisation:
        with entered(schema_name):
            actions.question_place(library_of(organisation), UUID(answer_id))


@shared_task
def review_gaps_everywhere() -> None:
    for organisation in open_organisations():
        review_gaps.delay(schema_name=organisation.schema_name)


@shared_task(acks_late=True, autoretry_for=RETRYABLE, retry_backoff=60, max_retries=3)
def review_gaps(*, schema_name: str) -> None:
    """What could not be placed, or was placed with another embedding model, is placed; what may be filled is marked."""
    organisation = organisation_of(schema_name)
    if organisation is None:
        return
    with entered(schema_name):
        library = library_of(organisation)
        for answer_id in actions.questions_to_place(library.space.version):
            actions.question_place(library, answer_id)
        marked = actions.gaps_review(library)
    logger.info("gaps.reviewed", extra={"may_be_filled": marked})
