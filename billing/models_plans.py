"""What can be bought, what an organisation bought, and which plan it had on which day."""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MinValueValidator
from django.db import models

from tenants.entitlements import Entitlements, Feature
from tenants.models import Organisation

MARKUP_MOST = 1000  # percent


def pence() -> models.DecimalField[Decimal, Decimal]:
    """A column for what is charged: pounds and whole pence."""
    return models.DecimalField(max_digits=12, decimal_places=2, default=0, validators=[MinValueValidator(0)])


def limit(help_text: str = "") -> models.PositiveIntegerField[Any, Any]:
    return models.PositiveIntegerField(null=True, blank=True, help_text=help_text)


class Plan(models.Model):
    """What an organisation can buy. Plans are data: operators add and change them."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=80)
    summary = models.CharField(max_length=200, blank=True)
    monthly_price_gbp = models.DecimalField(
        max_digits=10,
        decimal_places=2,
        default=0,
        validators=[MinValueValidator(0)],
        help_text="Without VAT. A new price is for who chooses the plan from now on; who has it keeps the old one.",
    )
    included_usage_gbp = models.DecimalField(
        max_digits=10,
        decimal_places=2,
        default=0,
        validators=[MinValueValidator(0)],
        help_text="What the providers may cost in a month before it is charged.",
    )
    usage_markup_percent = models.DecimalField(
        max_digits=6,
        decimal_places=2,
        default=0,
        validators=[MinValueValidator(0)],
        help_text="On what the providers cost beyond that.",
    )
    is_usage_charged = models.BooleanField(default=True, help_text="Else it is in the price, whatever it costs.")
    trial_days = models.PositiveSmallIntegerField(default=0)
    is_offered = models.BooleanField(default=True, help_text="Organisations may choose it themselves.")
    is_first = models.BooleanField(default=False, help_text="What a new organisation begins with.")
    seats = limit("Active people and open invitations. Empty: any number.")
    document_limit = limit("Empty: any number.")
    storage_mb = limit("Of all versions of documents. Empty: any.")
    questions_a_month = limit("In a calendar month, UTC. Empty: any number.")
    questions_a_minute = limit("Of all its people together. Empty: the platform's own limit.")
    # What one document may be; empty means as much as the platform allows.
    max_file_mb = limit()
    max_pages = limit()
    max_unpacked_mb = limit()
    max_parse_seconds = limit()
    max_parts = limit()
    features = ArrayField(
        models.CharField(max_length=16, choices=[(one.value, one.label) for one in Feature]), default=list, blank=True
    )

    class Meta:
        ordering = ["monthly_price_gbp", "name"]
        constraints = [
            models.UniqueConstraint(fields=["is_first"], condition=models.Q(is_first=True), name="one_first_plan"),
            models.CheckConstraint(
                condition=models.Q(
                    monthly_price_gbp__gte=0, included_usage_gbp__gte=0, usage_markup_percent__range=(0, MARKUP_MOST)
                ),
                name="plan_not_negative",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def entitlements(self) -> Entitlements:
        return Entitlements(
            plan=self.name,
            seats=self.seats,
            documents=self.document_limit,
            storage_mb=self.storage_mb,
            questions=self.questions_a_month,
            questions_per_minute=self.questions_a_minute,
            max_file_mb=self.max_file_mb,
            max_pages=self.max_pages,
            max_unpacked_mb=self.max_unpacked_mb,
            max_parse_seconds=self.max_parse_seconds,
            max_parts=self.max_parts,
            features=tuple(self.features),
        )


class Subscription(models.Model):
    """What an organisation has now, and what comes. Months are those of the calendar, in UTC.

    trial → active → (unpaid, or the trial is over and nobody chose) grace → suspended → active again, or ended.
    """

    class State(models.TextChoices):
        TRIAL = "trial", "Trial"
        ACTIVE = "active", "Active"
        GRACE = "grace", "Payment needed"
        SUSPENDED = "suspended", "Suspended"
        ENDED = "ended", "Ended"

    class Lacks(models.TextChoices):
        CHOICE = "choice", "A plan to be chosen"
        PAYMENT = "payment", "A payment"

    organisation = models.OneToOneField(Organisation, models.CASCADE, related_name="subscription")
    plan = models.ForeignKey(Plan, models.PROTECT, related_name="subscriptions")
    state = models.CharField(max_length=16, choices=State, default=State.ACTIVE)
    started_at = models.DateTimeField(auto_now_add=True)
    trial_ends_on = models.DateField(null=True, blank=True)  # its last day
    next_plan = models.ForeignKey(Plan, models.PROTECT, null=True, blank=True, related_name="+")
    changes_on = models.DateField(null=True, blank=True)  # first day of `next_plan`, or first day after the end
    is_cancelled = models.BooleanField(default=False)  # it ends on `changes_on`
    lacks = models.CharField(max_length=8, choices=Lacks, blank=True)  # why it is in grace or suspended
    grace_ends_on = models.DateField(null=True, blank=True)  # its last day
    told_of = models.CharField(max_length=40, blank=True)  # the last thing that owners were told by e-mail

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(is_cancelled=False, next_plan__isnull=True, changes_on__isnull=True)
                | models.Q(is_cancelled=False, next_plan__isnull=False, changes_on__isnull=False)
                | models.Q(is_cancelled=True, next_plan__isnull=True, changes_on__isnull=False),
                name="what_comes_has_its_day",
            ),
            models.CheckConstraint(
                condition=~models.Q(state="trial") | models.Q(trial_ends_on__isnull=False), name="a_trial_has_its_end"
            ),
            models.CheckConstraint(
                condition=~models.Q(state="grace") | models.Q(grace_ends_on__isnull=False), name="grace_has_its_end"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.organisation}: {self.plan}"


class PlanPeriod(models.Model):
    """Which plan an organisation had from which day to which, at which price: what invoices are made from.

    It outlives the organisation. A day has one plan; on the day of a change it is the one that was there at its end.
    """

    organisation_id = models.UUIDField(db_index=True)
    plan = models.ForeignKey(Plan, models.PROTECT, related_name="+")
    since = models.DateField()
    until = models.DateField(null=True)  # the last day; None while it runs
    is_free = models.BooleanField(default=False)  # a trial
    # As the plan's were when it began.
    monthly_price_gbp = pence()
    included_usage_gbp = pence()
    usage_markup_percent = models.DecimalField(max_digits=6, decimal_places=2, default=0)
    is_usage_charged = models.BooleanField(default=True)

    class Meta:
        ordering = ["since", "id"]
        constraints = [
            models.UniqueConstraint(fields=["organisation_id", "since"], name="one_plan_a_day"),
            models.UniqueConstraint(
                fields=["organisation_id"], condition=models.Q(until__isnull=True), name="one_plan_that_runs"
            ),
            models.CheckConstraint(
                condition=models.Q(until__isnull=True) | models.Q(until__gte=models.F("since")), name="period_has_a_day"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.plan} from {self.since} to {self.until or 'now'}"


class SubscriptionChange(models.Model):
    """What happened to a subscription, in order. Append only; the database refuses updates and deletes."""

    class Kind(models.TextChoices):
        STARTED = "started"
        UPGRADED = "upgraded"
        DOWNGRADE_PLANNED = "downgrade_planned", "downgrade planned"
        CHANGED = "changed"
        CANCELLED = "cancelled"
        RESUMED = "resumed", "change taken back"
        TRIAL_OVER = "trial_over", "trial over"
        UNPAID = "unpaid"
        SUSPENDED = "suspended"
        PAID = "paid"
        ENDED = "ended"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organisation_id = models.UUIDField(db_index=True)
    organisation_label = models.CharField(max_length=120)
    made_at = models.DateTimeField(auto_now_add=True)
    kind = models.CharField(max_length=24, choices=Kind)
    plan = models.SlugField(blank=True)  # the one that was there
    next_plan = models.SlugField(blank=True)
    from_day = models.DateField(null=True)  # when it counts
    made_by = models.CharField(max_length=16, blank=True)  # "member" or "operator"; nobody: the calendar
    made_by_id = models.UUIDField(null=True)

    class Meta:
        ordering = ["made_at"]

    def __str__(self) -> str:
        return f"{self.organisation_label}: {self.kind}"
