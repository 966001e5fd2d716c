from __future__ import annotations

import uuid
from decimal import Decimal

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.utils import timezone

from billing.models_invoices import BillingDetails as BillingDetails
from billing.models_invoices import Invoice as Invoice
from billing.models_invoices import InvoiceFile as InvoiceFile
from billing.models_invoices import InvoiceLine as InvoiceLine
from billing.models_invoices import InvoicePayment as InvoicePayment
from billing.models_invoices import InvoiceSending as InvoiceSending
from billing.models_invoices import InvoiceSeries as InvoiceSeries
from billing.models_invoices import Seller as Seller
from billing.models_invoices import VatRate as VatRate
from billing.models_open import OpenAnswer as OpenAnswer
from billing.models_plans import Plan as Plan
from billing.models_plans import PlanPeriod as PlanPeriod
from billing.models_plans import Subscription as Subscription
from billing.models_plans import SubscriptionChange as SubscriptionChange
from billing.models_rollups import DailyCollection as DailyCollection
from billing.models_rollups import DailyUsage as DailyUsage
from billing.models_rollups import RolledDay as RolledDay
from billing.models_rollups import UsageDifference as UsageDifference
from billing.models_rollups import UsageName as UsageName
from billing.models_schedules import ReportSchedule as ReportSchedule
from billing.models_schedules import ReportSending as ReportSending
from billing.models_watch import ProviderDay as ProviderDay
from billing.models_watch import ProviderImport as ProviderImport
from billing.models_watch import SpendAnomaly as SpendAnomaly
from billing.payments.models import GatewayEvent as GatewayEvent
from billing.payments.models import Payment as Payment
from billing.payments.models import PaymentAccount as PaymentAccount
from billing.payments.models import PaymentRefund as PaymentRefund
from tenants.models import Organisation


def money() -> models.DecimalField[Decimal, Decimal]:
    """A column for money: a token costs some millionths of a pound."""
    return models.DecimalField(max_digits=16, decimal_places=8)


class ModelPrice(models.Model):
    """A published price from a date on, in US dollars for a million tokens. Rows are added, never changed."""

    provider = models.CharField(max_length=32)
    model = models.CharField(max_length=80)
    valid_from = models.DateField()
    input_usd = money()
    cached_input_usd = money()
    output_usd = money()
    unit_usd = models.DecimalField(  # for one of what is counted in units: a page recognised, a megabyte kept for a day
        max_digits=16, decimal_places=8, default=0, db_default=0
    )
    cache_write_usd = models.DecimalField(  # of input that the provider puts into its cache; empty: as any input
        max_digits=16, decimal_places=8, null=True, blank=True
    )
    source = models.CharField(max_length=200)

    class Meta:
        ordering = ["provider", "model", "-valid_from"]
        constraints = [
            models.UniqueConstraint(fields=["provider", "model", "valid_from"], name="one_price_a_day"),
            models.CheckConstraint(
                condition=models.Q(input_usd__gte=0, cached_input_usd__gte=0, output_usd__gte=0),
                name="price_not_negative",
            ),
            models.CheckConstraint(
                condition=models.Q(cache_write_usd__isnull=True) | models.Q(cache_write_usd__gte=0),
                name="cache_write_not_negative",
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


class UsageKey(models.Model):
    """Which calls are in the ledger. The ledger is cut by month, where the database can keep no key unique over all."""

    key = models.UUIDField(primary_key=True)

    def __str__(self) -> str:
        return str(self.key)


class UsageEvent(models.Model):
    """The ledger: one row for every call of a provider. Append only; the database refuses updates and deletes.

    It outlives people and organisations, so it points at none: ids and labels are copied in. A table partition holds
    one month of `created_at`. What was wrong is taken back by a counter-entry: the same row with every figure negated,
    on the day it is found (`billing/corrections.py`).
    """

    class Kind(models.TextChoices):
        CHAT = "chat"
        EMBEDDING = "embedding"
        RERANK = "rerank"
        CONTEXT = "context"  # a sentence for a chunk, written while a document is taken in
        REWRITE = "rewrite"  # a question made to stand alone, or asked in several ways
        OCR = "ocr"  # pages of pictures whose text was recognised, here
        STORAGE = "storage"  # what an organisation's documents take up on a day
        ASSIST = "assist"  # titles, summaries of long conversations, questions that may follow

    class Outcome(models.TextChoices):
        COMPLETE = "complete"
        STOPPED = "stopped"
        FAILED = "failed"

    id = models.BigAutoField(primary_key=True)
    idempotency_key = models.UUIDField(default=uuid.uuid4)  # unique by `UsageKey`
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    organisation_id = models.UUIDField()
    organisation_label = models.CharField(max_length=120)
    member_id = models.UUIDField(null=True)
    member_label = models.CharField(max_length=254, blank=True)
    group_ids = ArrayField(models.UUIDField(), default=list, blank=True)  # the member's when it was made
    group_id = models.UUIDField(null=True)  # the one that is charged; see `cost_groups`
    cost_centre = models.CharField(max_length=60, blank=True)  # that it had then
    api_key_id = models.UUIDField(null=True)
    conversation_id = models.UUIDField(null=True)
    collection_ids = ArrayField(models.UUIDField(), default=list, blank=True)  # of what was read or taken in, in order
    kind = models.CharField(max_length=16, choices=Kind)
    outcome = models.CharField(max_length=16, choices=Outcome)
    subject = models.UUIDField(null=True)  # the answer or document it was spent on
    provider = models.CharField(max_length=32)
    model = models.CharField(max_length=80)
    input_tokens = models.IntegerField(default=0)  # includes the cached ones
    cached_input_tokens = models.IntegerField(default=0)
    cache_write_tokens = models.IntegerField(default=0)  # of the others, what the provider put into its cache
    output_tokens = models.IntegerField(default=0)
    quantity = models.BigIntegerField(default=0, db_default=0)  # units, where a call has no tokens: see `ModelPrice`
    is_estimated = models.BooleanField(default=False)
    is_own_key = models.BooleanField(default=False, db_default=False)  # the organisation pays the provider itself
    price = models.ForeignKey(ModelPrice, models.PROTECT, null=True, related_name="+")  # null: no price was known
    rate = models.ForeignKey(ExchangeRate, models.PROTECT, null=True, related_name="+")
    cost_gbp = money()
    corrects = models.UUIDField(null=True)  # key of the row that this one takes back, or stands for
    is_counter = models.BooleanField(default=False, db_default=False)  # takes back; else it stands for
    reason = models.CharField(max_length=300, default="", db_default="", blank=True)  # of a correction
    entered_by = models.CharField(max_length=254, default="", db_default="", blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["organisation_id", "created_at"], name="usage_by_organisation"),
            models.Index(fields=["subject"], name="usage_by_subject"),
            models.Index(fields=["created_at"], name="usage_estimated", condition=models.Q(is_estimated=True)),  # few
            models.Index(
                fields=["organisation_id", "conversation_id"],
                condition=models.Q(conversation_id__isnull=False),
                name="usage_by_conversation",
            ),
            BrinIndex(fields=["created_at"], name="usage_by_time"),  # rows come in order: a few pages for millions
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(is_counter=False, cost_gbp__gte=0) | models.Q(is_counter=True, cost_gbp__lte=0),
                name="cost_not_negative",
            ),
            models.CheckConstraint(
                condition=models.Q(is_counter=False, input_tokens__gte=0, output_tokens__gte=0)
                | models.Q(is_counter=True, input_tokens__lte=0, output_tokens__lte=0),
                name="tokens_not_negative",
            ),
            models.CheckConstraint(
                condition=models.Q(is_counter=False, cached_input_tokens__range=(0, models.F("input_tokens")))
                | models.Q(is_counter=True, cached_input_tokens__range=(models.F("input_tokens"), 0)),
                name="cached_within_input",
            ),
            models.CheckConstraint(
                condition=models.Q(cache_write_tokens=0)
                | models.Q(
                    is_counter=False,
                    cache_write_tokens__range=(0, models.F("input_tokens") - models.F("cached_input_tokens")),
                )
                | models.Q(
                    is_counter=True,
                    cache_write_tokens__range=(models.F("input_tokens") - models.F("cached_input_tokens"), 0),
                ),
                name="cache_write_within_input",
            ),
            models.CheckConstraint(
                condition=models.Q(is_counter=False) | models.Q(corrects__isnull=False),
                name="a_counter_entry_names_its_row",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.model} £{self.cost_gbp}"

    @property
    def answer_id(self) -> uuid.UUID | None:
        """The answer it was made for; None for documents and searches."""
        return self.subject if self.conversation_id else None


class Budget(models.Model):
    """What an organisation, a group or a person may spend, by the month or once; what happens at the cap is the
    admin's choice. Of the budgets that apply to a question all must have room."""

    class Scope(models.TextChoices):
        ORGANISATION = "organisation"
        GROUP = "group"
        MEMBER = "member"

    class Period(models.TextChoices):
        MONTHLY = "monthly"
        ONCE = "once"

    class AtCap(models.TextChoices):
        CHEAPER = "cheaper", "Use the cheaper model, then earlier answers only"
        CACHED = "cached", "Give earlier answers only"
        STOP = "stop", "Answer nothing"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organisation = models.ForeignKey(Organisation, models.CASCADE, related_name="budgets")
    scope = models.CharField(max_length=16, choices=Scope, default=Scope.ORGANISATION)
    subject_id = models.UUIDField(null=True, blank=True)  # a group or a member; None: each of them, for itself
    subject_label = models.CharField(max_length=254, blank=True)
    amount_gbp = money()
    period = models.CharField(max_length=16, choices=Period, default=Period.MONTHLY)
    starts_on = models.DateField(null=True, blank=True)  # of a budget that is given once
    ends_on = models.DateField(null=True, blank=True)  # its last day
    at_cap = models.CharField(max_length=16, choices=AtCap, default=AtCap.STOP)
    contact = models.CharField(max_length=200, blank=True)  # whom to ask for more
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["created_at"]
        constraints = [
            models.CheckConstraint(condition=models.Q(amount_gbp__gte=0), name="budget_not_negative"),
            models.CheckConstraint(
                condition=models.Q(period="monthly") | models.Q(starts_on__isnull=False, ends_on__isnull=False),
                name="a_budget_given_once_has_its_days",
            ),
            models.UniqueConstraint(
                fields=["organisation", "scope", "subject_id", "period"],
                condition=models.Q(is_active=True, period="monthly"),
                nulls_distinct=False,
                name="one_monthly_budget_each",
            ),
        ]

    def __str__(self) -> str:
        return f"£{self.amount_gbp} for {self.subject_label or self.scope}"


class BudgetPeriod(models.Model):
    """One month of a budget, for one of those it applies to. `spent_gbp` follows the ledger, `reserved_gbp` what
    running answers may still cost."""

    budget = models.ForeignKey(Budget, models.CASCADE, related_name="periods")
    subject_id = models.UUIDField()  # the organisation, group or member
    starts_on = models.DateField()
    limit_gbp = money()
    spent_gbp = models.DecimalField(max_digits=16, decimal_places=8, default=0)
    reserved_gbp = models.DecimalField(max_digits=16, decimal_places=8, default=0)
    warned_percent = models.PositiveSmallIntegerField(default=0)  # the highest warning that was sent
    reached_at = models.DateTimeField(null=True)  # first time that a question found no room

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["budget", "subject_id", "starts_on"], name="one_period_of_a_budget"),
            models.CheckConstraint(condition=models.Q(reserved_gbp__gte=0), name="reserved_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.spent_gbp} of {self.limit_gbp} from {self.starts_on}"


class BudgetHold(models.Model):
    """What a running answer may cost at most, in one period. Gone when the answer has ended."""

    key = models.UUIDField()  # the answer
    period = models.ForeignKey(BudgetPeriod, models.CASCADE, related_name="holds")
    amount_gbp = money()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["key", "period"], name="one_hold_a_period")]
        indexes = [models.Index(fields=["created_at"])]

    def __str__(self) -> str:
        return f"{self.amount_gbp} for {self.key}"
