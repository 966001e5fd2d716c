from __future__ import annotations

from uuid import UUID

from celery import shared_task

from vena_platform.provisioning import provision


@shared_task(acks_late=True)
def provision_organisation(*, provisioning_id: str) -> None:
    provision(UUID(provisioning_id))
