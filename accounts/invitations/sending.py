"""The letter with the link. Its token is made here, so it is nowhere but in the letter: only its hash is stored."""

from __future__ import annotations

import secrets
from uuid import UUID

from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import F
from django.template.loader import render_to_string
from django.utils import timezone

from accounts.models import Invitation, secret_hash
from tenants.models import Organisation
from tenants.selectors import organisation_url


def invitation_send(organisation: Organisation, invitation_id: UUID) -> bool:
    """Inside the organisation's schema. False: it was accepted or revoked meanwhile. Raises what the mailer raises."""
    token = secrets.token_urlsafe(32)
    with transaction.atomic():
        row = Invitation.objects.select_for_update().filter(pk=invitation_id).first()
        if row is None or not row.is_open:
            return False
        row.token_hash, row.sent_at = secret_hash(token), timezone.now()
        row.save(update_fields=["token_hash", "sent_at"])
    letter(organisation, row, f"{organisation_url(organisation)}/invitations/{token}/").send()
    Invitation.objects.filter(pk=row.pk).update(times_sent=F("times_sent") + 1, sending_failed=False)
    return True


def letter(organisation: Organisation, row: Invitation, link: str) -> EmailMessage:
    look = organisation.look
    context = {"organisation": organisation, "look": look, "invitation": row, "link": link, "inviter": row.invited_by}
    body = render_to_string("people/invitation_email.txt", context)
    subject = " ".join(f"Your way into {organisation.name}{'' if look.assistant_name else ' on Vena'}".split())
    return EmailMessage(subject, body, to=[row.email])


def invitation_failed(invitation_id: UUID) -> None:
    """Shown on the people page, with the button to send it again."""
    Invitation.objects.filter(pk=invitation_id).update(sending_failed=True)
