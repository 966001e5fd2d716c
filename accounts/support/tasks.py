"""Leave for support: what is over is cleared away; owners and admins hear of requests."""

from __future__ import annotations

import logging
from smtplib import SMTPException
from typing import Any
from uuid import UUID

from celery import shared_task
from django.core.mail import EmailMessage
from django.template.loader import render_to_string

from accounts.models import User
from accounts.permissions import Can, Role, may
from accounts.support.actions import support_sweep
from tenants.context import entered
from tenants.models import Organisation
from tenants.selectors import organisation_url
from tenants.support.actions import grant_of

logger = logging.getLogger(__name__)

TRIES = 5


@shared_task
def sweep_support() -> None:
    support_sweep()


@shared_task(bind=True, max_retries=TRIES, expires=24 * 3600)
def tell_of_support(self: Any, *, schema_name: str, grant_id: str) -> None:
    with entered("public"):
        organisation = Organisation.objects.get(schema_name=schema_name)
        row = grant_of(organisation, UUID(grant_id))
    with entered(schema_name):
        everybody = User.objects.filter(is_active=True, is_service=False, role__in=[Role.OWNER, Role.ADMIN])
        people = [one.email for one in everybody if may(one.role, Can.MANAGE_SUPPORT)]
    address = f"{organisation_url(organisation)}/organisation/support/"
    body = render_to_string("support/email.txt", {"organisation": organisation, "row": row, "address": address})
    try:
        if people:
            # Everybody in `bcc`: a list of who else is told is nobody's business.
            EmailMessage(f"{organisation.name}: Vena's support asks to come in", body, bcc=people).send()
    except (SMTPException, OSError) as error:
        logger.warning("support.not_told", extra={"grant": grant_id, "why": type(error).__name__})
        if self.request.is_eager or self.request.retries >= TRIES:
            return
        raise self.retry(exc=error, countdown=30 * 2**self.request.retries) from error
