"""What was found when the books were looked through: spending out of the usual, and how providers' own figures match."""

from __future__ import annotations

import uuid

from django.db import models

from tenants.models import Organisation


class SpendAnomaly(models.Model):
    """A day on which a person or a model spent far more than they usually do. Found once for each subject and day."""

    class Kind(models.TextChoices):
        MEMBER = "member"
        MODEL = "model"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organisation = models.ForeignKey(Organisation, models.CASCADE, related_name="anomalies")
    day = models.DateField()
    kind = models.CharField(max_length=16, choices=Kind)
    subject = models.CharField(max_length=120)  # a member's id, or provider/model
    label = models.CharField(max_length=254)
    spent_gbp = models.DecimalField(max_digits=20, decimal_places=8)
    usual_gbp = models.DecimalField(max_digits=20, decimal_places=8)  # the median of its days
    most_gbp = models.DecimalField(max_digits=20, decimal_places=8)  # above which it is out of the usual
    found_at = models.DateTimeField(auto_now_add=True)
    mailed_at = models.DateTimeField(null=True)
    seen_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-day", "-spent_gbp"]
        constraints = [
            models.UniqueConstraint(fields=["organisation", "day", "kind", "subject"], name="one_anomaly_a_day")
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.label} £{self.spent_gbp}"
