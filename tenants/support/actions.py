"""What is done to leave for support. Who may is for the caller; people and sessions are in `accounts.support`."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from tenants.models import Organisation
from tenants.support.errors import SupportNotOpen, SupportNotWanted, SupportOpen
from tenants.support.models import SupportGrant

MINUTES = (15, 30, 60, 240)
ENTRY_LIFETIME = timedelta(minutes=10)
ASKED_FOR = timedelta(days=3)  # a request that nobody answers
State = SupportGrant.State


def support_ask(organisation: Organisation, *, reason: str, minutes: int, may_change: bool, by: str) -> SupportGrant:
    """By an operator. Raises SupportNotWanted, SupportOpen."""
    if not Organisation.objects.get(pk=organisation.pk).accepts_support:
        raise SupportNotWanted
    return opened(organisation, reason=reason, minutes=minutes, may_change=may_change, asked_by=by)


def support_offer(organisation: Organisation, *, reason: str, minutes: int, may_change: bool) -> SupportGrant:
    """By the organisation, ahead of any request. Raises SupportOpen."""
    row = opened(organisation, reason=reason, minutes=minutes, may_change=may_change, asked_by="")
    return support_grant(row)


def opened(organisation: Organisation, **values: object) -> SupportGrant:
    try:
        with transaction.atomic():
            return SupportGrant.objects.create(organisation=organisation, **values)
    except IntegrityError as error:
        raise SupportOpen from error


def support_grant(row: SupportGrant) -> SupportGrant:
    """Its time runs from now on. Raises SupportNotOpen."""
    now = timezone.now()
    rows = SupportGrant.objects.filter(pk=row.pk, state=State.ASKED)
    if not rows.update(state=State.GRANTED, decided_at=now, ends_at=now + timedelta(minutes=row.minutes)):
        raise SupportNotOpen
    row.refresh_from_db()
    return row


def support_refuse(row: SupportGrant) -> None:
    """Raises SupportNotOpen."""
    if not SupportGrant.objects.filter(pk=row.pk, state=State.ASKED).update(
        state=State.REFUSED, decided_at=timezone.now()
    ):
        raise SupportNotOpen


def support_close(row: SupportGrant) -> bool:
    """Whether it was open until now."""
    now = timezone.now()
    rows = SupportGrant.objects.filter(pk=row.pk, state__in=[State.ASKED, State.GRANTED])
    return bool(rows.update(state=State.ENDED, ended_at=now, token_hash=""))


def support_token(row: SupportGrant, *, by: str) -> str:
    """One entry, for ten minutes, by one operator. Only its hash is kept. Raises SupportNotOpen."""
    token = secrets.token_urlsafe(32)
    rows = SupportGrant.objects.filter(pk=row.pk, state=State.GRANTED, ends_at__gt=timezone.now())
    if not rows.update(token_hash=hash_of(token), token_ends_at=timezone.now() + ENTRY_LIFETIME, entered_by=by):
        raise SupportNotOpen
    return token


def token_redeem(organisation: Organisation, token: str) -> SupportGrant | None:
    """The leave that it opens, once. One UPDATE, so two clicks can't both win."""
    now = timezone.now()
    live = SupportGrant.objects.filter(
        organisation=organisation,
        state=State.GRANTED,
        ends_at__gt=now,
        token_ends_at__gt=now,
        token_hash=hash_of(token) if token else None,
    )
    row = live.first()
    return row if row and live.update(token_hash="") else None


def live_grant(organisation: Organisation) -> SupportGrant | None:
    """Leave that runs now: asked for with every request of support."""
    rows = SupportGrant.objects.filter(organisation=organisation, state=State.GRANTED, ends_at__gt=timezone.now())
    return rows.first()


def open_grant(organisation: Organisation) -> SupportGrant | None:
    """Asked for, or running."""
    rows = SupportGrant.objects.filter(organisation=organisation, state__in=[State.ASKED, State.GRANTED])
    now = timezone.now()
    return next((row for row in rows if row.ends_at is None or row.ends_at > now), None)


def grant_of(organisation: Organisation, grant_id: UUID) -> SupportGrant:
    row = SupportGrant.objects.filter(organisation=organisation, pk=grant_id).first()
    if row is None:
        raise SupportNotOpen(detail=str(grant_id))
    return row


def support_sweep() -> list[SupportGrant]:
    """Those that were over by themselves, closed now."""
    now = timezone.now()
    over = SupportGrant.objects.filter(state=State.GRANTED, ends_at__lte=now)
    old = SupportGrant.objects.filter(state=State.ASKED, asked_at__lte=now - ASKED_FOR)
    return [row for row in (*over, *old) if support_close(row)]


def support_accept(organisation: Organisation, *, accepts: bool) -> None:
    fresh = Organisation.objects.get(pk=organisation.pk)
    fresh.accepts_support = accepts
    fresh.save(update_fields=["accepts_support"])


def hash_of(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
