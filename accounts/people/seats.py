"""Seats of the plan: active people, and open invitations. Programs have none."""

from __future__ import annotations

from django.utils import timezone

from accounts.models import Invitation, User
from tenants.errors import SeatsTaken
from tenants.selectors import entitlements_here, organisation_locked


def seats_taken() -> int:
    invited = Invitation.objects.filter(accepted_at=None, revoked_at=None, expires_at__gt=timezone.now())
    return User.objects.filter(is_active=True, is_service=False).count() + invited.count()


def require_seats(wanted: int = 1) -> None:
    """In a transaction, before the people or invitations are written: of two at once the second waits and counts again.

    Raises SeatsTaken.
    """
    seats = entitlements_here().seats
    if seats is None or not wanted:
        return
    organisation_locked()
    if seats_taken() + wanted > seats:
        raise SeatsTaken(seats)
