"""Doorways for workers: the organisation named, one call, safe to run twice."""

from __future__ import annotations

import logging
from smtplib import SMTPException
from typing import Any
from uuid import UUID

from celery import shared_task

from accounts.audit.tasks import verify_audit, verify_audit_everywhere
from accounts.invitations.sending import invitation_failed, invitation_send
from accounts.organisation.domain_tasks import look_at_domains, look_at_domains_of
from accounts.support.tasks import sweep_support, tell_of_support
from tenants.context import entered
from tenants.models import Organisation

logger = logging.getLogger(__name__)

TRIES = 5

# Registered by being imported.
__all__ = [
    "look_at_domains",
    "look_at_domains_of",
    "send_invitation",
    "sweep_support",
    "tell_of_support",
    "verify_audit",
    "verify_audit_everywhere",
]


@shared_task(bind=True, max_retries=TRIES, expires=24 * 3600)
def send_invitation(self: Any, *, schema_name: str, invitation_id: str) -> None:
    """A second run sends a second letter, whose link replaces the first one's."""
    with entered("public"):
        organisation = Organisation.objects.get(schema_name=schema_name)
    with entered(schema_name):
        try:
            invitation_send(organisation, UUID(invitation_id))
        except (SMTPException, OSError) as error:
            logger.warning("invitation.not_sent", extra={"invitation": invitation_id, "why": type(error).__name__})
            invitation_failed(UUID(invitation_id))
            if self.request.is_eager or self.request.retries >= TRIES:
                return
            raise self.retry(exc=error, countdown=30 * 2**self.request.retries) from error
