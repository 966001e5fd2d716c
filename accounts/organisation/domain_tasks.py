"""Domains every day: claims that nobody followed up go, those in use are looked up again, owners hear of it."""

from __future__ import annotations

import logging
from smtplib import SMTPException

from celery import shared_task
from django.core.mail import EmailMessage
from django.template.loader import render_to_string

from accounts.models import User
from accounts.permissions import Can, Role, may
from tenants.context import entered
from tenants.domains.actions import LOST_AFTER, claim_recheck, claims_expire
from tenants.domains.models import DomainClaim
from tenants.models import Organisation, host_of
from tenants.selectors import base_url, kept_organisations

logger = logging.getLogger(__name__)


@shared_task
def look_at_domains() -> None:
    with entered("public"):
        claims_expire()
    for organisation in kept_organisations():
        look_at_domains_of.delay(schema_name=organisation.schema_name)


@shared_task
def look_at_domains_of(*, schema_name: str) -> None:
    with entered("public"):
        organisation = Organisation.objects.get(schema_name=schema_name)
        rows = list(DomainClaim.objects.filter(organisation=organisation, state=DomainClaim.State.PROVED))
        said = [(row, told) for row in rows if (told := claim_recheck(row))]
    for row, told in said:
        logger.warning("domains.not_shown", extra={"host": row.host, "state": told})
        tell(organisation, row, told)


def tell(organisation: Organisation, row: DomainClaim, told: str) -> None:
    with entered(organisation.schema_name):
        everybody = User.objects.filter(is_active=True, is_service=False, role__in=[Role.OWNER, Role.ADMIN])
        people = [one.email for one in everybody if may(one.role, Can.MANAGE_DOMAINS)]
    facts = {
        "organisation": organisation,
        "row": row,
        "told": told,
        "days": LOST_AFTER.days,
        "address": f"{base_url(host_of(organisation.slug))}/organisation/domains/",
    }
    subject = "is out of use" if told == "lost" else "is no longer shown to be yours"
    body = render_to_string("organisation/domain_email.txt", facts)
    try:
        if people:
            # Everybody in `bcc`: a list of who else is told is nobody's business.
            EmailMessage(f"{organisation.name}: {row.host} {subject}", body, bcc=people).send()
    except (SMTPException, OSError):
        logger.exception("domains.not_told", extra={"host": row.host})
