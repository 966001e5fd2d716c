"""A host name that an organisation says is its own, until and after it has shown it."""

from __future__ import annotations

import secrets
import uuid
from datetime import timedelta

from django.db import models
from django.utils import timezone

OPEN_FOR = timedelta(days=14)  # an unproved claim


def token() -> str:
    return secrets.token_urlsafe(24)


class DomainClaim(models.Model):
    """Several organisations may claim the same host; who shows it in the DNS gets it (a `Domain` row, of which there is
    one for a host). Shown again every day: a host that is not shown for a week is out of use."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting for its DNS record"
        PROVED = "proved", "In use"
        LOST = "lost", "Out of use: its DNS record is gone"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organisation = models.ForeignKey("tenants.Organisation", models.CASCADE, related_name="domain_claims")
    host = models.CharField(max_length=253)
    token = models.CharField(max_length=64, default=token, editable=False)
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    failure_code = models.CharField(max_length=40, blank=True)  # of the last look
    failure_message = models.CharField(max_length=300, blank=True)
    points_here = models.BooleanField(null=True)  # None: not looked up yet; advice, not proof
    edge_note = models.CharField(max_length=200, blank=True)  # what the edge says about its certificate
    is_at_edge = models.BooleanField(default=False)
    made_at = models.DateTimeField(auto_now_add=True)
    checked_at = models.DateTimeField(null=True)
    proved_at = models.DateTimeField(null=True)
    missing_since = models.DateTimeField(null=True)

    class Meta:
        ordering = ["host"]
        constraints = [models.UniqueConstraint(fields=["organisation", "host"], name="one_claim_a_host")]

    def __str__(self) -> str:
        return self.host

    @property
    def record_name(self) -> str:
        return f"_vena-challenge.{self.host}"

    @property
    def record_value(self) -> str:
        return f"vena-verification={self.token}"

    @property
    def is_expired(self) -> bool:
        return self.state != self.State.PROVED and timezone.now() > self.made_at + OPEN_FOR
