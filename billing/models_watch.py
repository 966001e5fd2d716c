"""What the books are looked through for: spending out of the usual, and whether providers' own figures match."""

from __future__ import annotations

import uuid

from django.db import models

from tenants.models import Organisation


class SpendAnomaly(models.Model):
    """A day when a person, key or model spent far more than they usually do. Found once for each subject and day."""

    class Kind(models.TextChoices):
        MEMBER = "member"
        MODEL = "model"
        KEY = "key"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organisation = models.ForeignKey(Organisation, models.CASCADE, related_name="anomalies")
    day = models.DateField()
    kind = models.CharField(max_length=16, choices=Kind)
    subject = models.CharField(max_length=120)  # a member's or key's id, or provider/model
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


class ProviderImport(models.Model):
    """A file with a provider's own figures, as an operator brought it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    provider = models.CharField(max_length=32)
    file_name = models.CharField(max_length=200)
    digest = models.CharField(max_length=64)  # SHA-256 of the file
    first_day = models.DateField()
    last_day = models.DateField()
    lines = models.PositiveIntegerField()
    imported_at = models.DateTimeField(auto_now_add=True)
    imported_by = models.CharField(max_length=254, blank=True)

    class Meta:
        ordering = ["-imported_at"]

    def __str__(self) -> str:
        return f"{self.provider} {self.first_day} to {self.last_day}"


class ProviderDay(models.Model):
    """What a provider says that a model used on a day, or what it charged. A later file stands for an earlier one."""

    class Kind(models.TextChoices):
        USAGE = "usage"
        COST = "cost"

    source = models.ForeignKey(ProviderImport, models.CASCADE, related_name="days")
    provider = models.CharField(max_length=32)
    kind = models.CharField(max_length=16, choices=Kind)
    day = models.DateField()  # of UTC
    model = models.CharField(max_length=120)
    calls = models.BigIntegerField(null=True)  # None: the provider does not say
    input_tokens = models.BigIntegerField(default=0)
    cached_input_tokens = models.BigIntegerField(default=0)
    cache_write_tokens = models.BigIntegerField(default=0)
    output_tokens = models.BigIntegerField(default=0)
    cost_usd = models.DecimalField(max_digits=32, decimal_places=12, null=True)

    class Meta:
        ordering = ["day", "model"]
        constraints = [
            models.UniqueConstraint(fields=["provider", "kind", "day", "model"], name="one_provider_line_a_day")
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.day} {self.model}"
