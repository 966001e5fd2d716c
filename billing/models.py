from __future__ import annotations

import uuid
from decimal import Decimal

from django.db import models

from tenants.models import Organisation


def money() -> models.DecimalField[Decimal, Decimal]:
    """A column for money: a token costs some millionths of a pound."""
    return models.DecimalField(max_digits=16, decimal_places=8)


class Plan(models.Model):
    """What an organisation bought. Plans are data."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=80)
    seats = models.PositiveIntegerField(default=25)
    document_limit = models.PositiveIntegerField(default=10_000)
    # What one document may be; empty means as much as the platform allows.
    max_file_mb = models.PositiveIntegerField(null=True, blank=True)
    max_pages = models.PositiveIntegerField(null=True, blank=True)
    max_unpacked_mb = models.PositiveIntegerField(null=True, blank=True)
    max_parse_seconds = models.PositiveIntegerField(null=True, blank=True)
    max_parts = models.PositiveIntegerField(null=True, blank=True)
    monthly_price_gbp = models.DecimalField(max_digits=10, decimal_places=2, default=0)

    class Meta:
        ordering = ["monthly_price_gbp", "name"]

    def __str__(self) -> str:
        return self.name


class Subscription(models.Model):
    organisation = models.OneToOneField(Organisation, models.CASCADE, related_name="subscription")
    plan = models.ForeignKey(Plan, models.PROTECT, related_name="subscriptions")
    started_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.organisation}: {self.plan}"


class ModelPrice(models.Model):
    """A published price from a date on, in US dollars for a million tokens. Rows are added, never changed."""

    provider = models.CharField(max_length=32)
    model = models.CharField(max_length=80)
    valid_from = models.DateField()
    input_usd = money()
    cached_input_usd = money()
    output_usd = money()
    source = models.CharField(max_length=200)

    class Meta:
        ordering = ["provider", "model", "-valid_from"]
        constraints = [
            models.UniqueConstraint(fields=["provider", "model", "valid_from"], name="one_price_a_day"),
            models.CheckConstraint(
                condition=models.Q(input_usd__gte=0, cached_input_usd__gte=0, output_usd__gte=0),
                name="price_not_negative",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.provider}/{self.model} from {self.valid_from}"


class ExchangeRate(models.Model):
    """Pounds for one US dollar, from a date on."""

    valid_from = models.DateField(unique=True)
    gbp_per_usd = models.DecimalField(max_digits=12, decimal_places=6)
    source = models.CharField(max_length=200)

    class Meta:
        ordering = ["-valid_from"]

    def __str__(self) -> str:
        return f"{self.gbp_per_usd} from {self.valid_from}"


class UsageEvent(models.Model):
    """The ledger: one row for every call of a provider. Append only; the database refuses updates and deletes.

    It outlives people and organisations, so it points at none: ids and labels are copied in.
    """

    class Kind(models.TextChoices):
        CHAT = "chat"
        EMBEDDING = "embedding"
        RERANK = "rerank"
        CONTEXT = "context"  # a sentence for a chunk, written while a document is taken in

    class Outcome(models.TextChoices):
        COMPLETE = "complete"
        STOPPED = "stopped"
        FAILED = "failed"

    id = models.BigAutoField(primary_key=True)
    idempotency_key = models.UUIDField(unique=True, default=uuid.uuid4)
    created_at = models.DateTimeField(auto_now_add=True)
    organisation_id = models.UUIDField()
    organisation_label = models.CharField(max_length=120)
    member_id = models.UUIDField(null=True)
    member_label = models.CharField(max_length=254, blank=True)
    kind = models.CharField(max_length=16, choices=Kind)
    outcome = models.CharField(max_length=16, choices=Outcome)
    subject = models.UUIDField(null=True)  # the answer or document it was spent on
    provider = models.CharField(max_length=32)
    model = models.CharField(max_length=80)
    input_tokens = models.PositiveIntegerField(default=0)  # includes the cached ones
    cached_input_tokens = models.PositiveIntegerField(default=0)
    output_tokens = models.PositiveIntegerField(default=0)
    is_estimated = models.BooleanField(default=False)
    price = models.ForeignKey(ModelPrice, models.PROTECT, null=True, related_name="+")  # null: no price was known
    rate = models.ForeignKey(ExchangeRate, models.PROTECT, null=True, related_name="+")
    cost_gbp = money()

    class Meta:
        indexes = [models.Index(fields=["organisation_id", "created_at"], name="usage_by_organisation")]
        constraints = [
            models.CheckConstraint(condition=models.Q(cost_gbp__gte=0), name="cost_not_negative"),
            models.CheckConstraint(
                condition=models.Q(cached_input_tokens__lte=models.F("input_tokens")), name="cached_within_input"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.model} £{self.cost_gbp}"
