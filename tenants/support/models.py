"""Leave for an operator to look at an organisation, given by the organisation, for some time."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q


class SupportGrant(models.Model):
    """Asked for by an operator, or given ahead; let in once for each entry, and over when its time is."""

    class State(models.TextChoices):
        ASKED = "asked", "Asked for"
        GRANTED = "granted", "Granted"
        REFUSED = "refused", "Refused"
        ENDED = "ended", "Over"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organisation = models.ForeignKey("tenants.Organisation", models.CASCADE, related_name="support_grants")
    state = models.CharField(max_length=8, choices=State, default=State.ASKED)
    reason = models.CharField(max_length=300)
    minutes = models.PositiveSmallIntegerField()
    may_change = models.BooleanField(default=False)  # documents; else it is for looking
    asked_by = models.CharField(max_length=254, blank=True)  # the operator; nobody, when it was given ahead
    asked_at = models.DateTimeField(auto_now_add=True)
    decided_at = models.DateTimeField(null=True)
    ends_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    entered_by = models.CharField(max_length=254, blank=True)  # the operator who used it
    token_hash = models.CharField(max_length=64, blank=True)  # sha256 of the one-time entry
    token_ends_at = models.DateTimeField(null=True)
    user_id = models.UUIDField(null=True)  # who it is inside the organisation

    class Meta:
        ordering = ["-asked_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["organisation"], condition=Q(state__in=["asked", "granted"]), name="one_open_support_grant"
            ),
            models.CheckConstraint(condition=~Q(state="granted") | Q(ends_at__isnull=False), name="leave_has_its_end"),
        ]

    def __str__(self) -> str:
        return f"{self.organisation}: {self.get_state_display()}"
