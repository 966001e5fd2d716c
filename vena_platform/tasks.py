from __future__ import annotations

import logging
from uuid import UUID

from celery import shared_task

from accounts.models import ErasureReceipt
from knowledge.errors import IndexUnavailable
from knowledge.tasks import organisation_of
from tenants.context import entered
from tenants.models import Organisation
from tenants.selectors import open_organisations
from vena_platform.privacy.erasing import ErasureIncomplete, person_erase
from vena_platform.privacy.retention import retention_apply
from vena_platform.provisioning import provision
from vena_platform.removal import RemovalIncomplete, organisation_remove

logger = logging.getLogger(__name__)


@shared_task(acks_late=True)
def provision_organisation(*, provisioning_id: str) -> None:
    provision(UUID(provisioning_id))


@shared_task
def apply_retention_everywhere() -> None:
    for organisation in open_organisations():
        apply_retention.delay(schema_name=organisation.schema_name)


@shared_task(acks_late=True)
def apply_retention(*, schema_name: str) -> None:
    """Deletes what is too old, and goes on with erasures that did not end."""
    organisation = organisation_of(schema_name)
    if organisation is None:
        return
    with entered(schema_name):
        removed = retention_apply(organisation.key)
        open_ones = list(ErasureReceipt.objects.filter(finished_at=None).values_list("pk", flat=True))
    logger.info("retention.applied", extra=removed)
    for receipt_id in open_ones:
        erase_person.delay(schema_name=schema_name, receipt_id=str(receipt_id))


@shared_task(acks_late=True, autoretry_for=(IndexUnavailable,), retry_backoff=2, max_retries=5)
def erase_person(*, schema_name: str, receipt_id: str) -> None:
    organisation = organisation_of(schema_name)
    if organisation is None:
        return
    with entered(schema_name):
        receipt = ErasureReceipt.objects.get(pk=receipt_id)
        try:
            person_erase(organisation, receipt)
        except ErasureIncomplete as error:
            logger.error("erasure.incomplete", extra={"detail": error.detail})


@shared_task(
    acks_late=True, autoretry_for=(RemovalIncomplete, IndexUnavailable, OSError), retry_backoff=10, max_retries=5
)
def remove_organisation(*, schema_name: str) -> None:
    """What is gone already stays gone, so it may be run again."""
    with entered("public"):
        organisation = Organisation.objects.filter(schema_name=schema_name).first()
    if organisation is not None:
        organisation_remove(organisation)
