"""What we keep of payments: whom the provider knows, what was collected for which invoice, what it told us."""

from __future__ import annotations

import uuid
from decimal import Decimal

from django.db import models
from django.utils import timezone

from tenants.models import Organisation


class PaymentAccount(models.Model):
    """An organisation as the payment provider knows it, and what its payment method looks like."""

    class State(models.TextChoices):
        EMPTY = "empty", "No payment method"
        READY = "ready", "Ready"
        GONE = "gone", "Removed at the provider"

    organisation = models.OneToOneField(Organisation, models.CASCADE, related_name="payment_account")
    customer = models.CharField(max_length=80, unique=True)  # the provider's id
    state = models.CharField(max_length=8, choices=State, default=State.EMPTY)
    method = models.CharField(max_length=80, blank=True)  # the provider's id
    brand = models.CharField(max_length=40, blank=True)
    last4 = models.CharField(max_length=4, blank=True)
    expires_month = models.PositiveSmallIntegerField(null=True, blank=True)
    expires_year = models.PositiveSmallIntegerField(null=True, blank=True)
    setup = models.CharField(max_length=120, blank=True)  # the page for a method that was opened last
    setup_done_made_at = models.DateTimeField(null=True, blank=True)  # when the newest that was filled in was opened
    created_at = models.DateTimeField(auto_now_add=True)
    refreshed_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.organisation}: {self.label or self.get_state_display()}"

    @property
    def label(self) -> str:
        """`visa •••• 4242`; empty without a method."""
        return f"{self.brand} •••• {self.last4}" if self.last4 else self.brand

    @property
    def is_expired(self) -> bool:
        """A card is good until the end of its month."""
        if not self.expires_month or not self.expires_year:
            return False
        today = timezone.now().date()
        return (self.expires_year, self.expires_month) < (today.year, today.month)


class Payment(models.Model):
    """One attempt to collect one invoice. It outlives organisations, so it points at none.

    In a final state nothing changes but what was refunded; the database sees to it.
    """

    class State(models.TextChoices):
        STARTED = "started", "Started"  # written before the provider is asked, so that no charge is without a row
        PROCESSING = "processing", "Processing"
        NEEDS_ACTION = "needs_action", "Needs the customer"
        SUCCEEDED = "succeeded", "Paid"
        FAILED = "failed", "Failed"

    FINAL = frozenset({State.SUCCEEDED, State.FAILED})

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organisation_id = models.UUIDField()
    invoice_id = models.UUIDField()
    invoice_number = models.CharField(max_length=40)
    attempt = models.PositiveSmallIntegerField(default=1)
    amount = models.DecimalField(max_digits=12, decimal_places=2)  # pounds
    refunded = models.DecimalField(max_digits=12, decimal_places=2, default=Decimal(0))
    state = models.CharField(max_length=16, choices=State, default=State.STARTED)
    gateway_id = models.CharField(max_length=120, blank=True)  # empty until the provider has answered
    customer = models.CharField(max_length=80)  # as asked for: a repeat must ask for the same
    method = models.CharField(max_length=80)
    failure_code = models.CharField(max_length=80, blank=True)
    failure_sentence = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    asked_at = models.DateTimeField(default=timezone.now)  # when the provider was last asked to collect it
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]
        indexes = [
            models.Index(fields=["organisation_id", "-created_at"], name="payments_by_organisation"),
            models.Index(
                fields=["created_at"], name="open_payments", condition=~models.Q(state__in=["succeeded", "failed"])
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["invoice_id", "attempt"], name="one_payment_an_attempt"),
            models.UniqueConstraint(
                fields=["invoice_id"], condition=~models.Q(state="failed"), name="one_live_payment_an_invoice"
            ),
            models.UniqueConstraint(
                fields=["gateway_id"], condition=~models.Q(gateway_id=""), name="one_payment_a_gateway_id"
            ),
            models.CheckConstraint(condition=models.Q(amount__gt=0), name="payment_of_something"),
            models.CheckConstraint(
                condition=models.Q(refunded__gte=0, refunded__lte=models.F("amount")), name="refunded_within_payment"
            ),
            models.CheckConstraint(
                condition=models.Q(refunded=0) | models.Q(state="succeeded"), name="only_paid_is_refunded"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.invoice_number}: £{self.amount} {self.state}"

    @property
    def is_final(self) -> bool:
        return self.state in self.FINAL

    @property
    def key(self) -> str:
        """With which the provider tells a repeat from another charge."""
        return f"vena-charge-{self.invoice_id}-{self.attempt}"

    @property
    def left(self) -> Decimal:
        """What is paid and not refunded."""
        return self.amount - self.refunded if self.state == self.State.SUCCEEDED else Decimal(0)


class PaymentRefund(models.Model):
    """Money that goes back by our own hand: one for each key, however often it is asked for."""

    class State(models.TextChoices):
        STARTED = "started"
        DONE = "done"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    payment = models.ForeignKey(Payment, models.PROTECT, related_name="refunds")
    key = models.CharField(max_length=120, unique=True)  # the asker's, such as a credit note's id
    amount = models.DecimalField(max_digits=12, decimal_places=2)
    state = models.CharField(max_length=8, choices=State, default=State.STARTED)
    gateway_id = models.CharField(max_length=120, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["-created_at"]
        constraints = [models.CheckConstraint(condition=models.Q(amount__gt=0), name="refund_of_something")]

    def __str__(self) -> str:
        return f"£{self.amount} of {self.payment_id} {self.state}"


class GatewayEvent(models.Model):
    """That the provider told us something, and whether we have looked. Of what it said only ids are kept."""

    id = models.CharField(primary_key=True, max_length=120)  # the provider's: each event is handled once
    type = models.CharField(max_length=80)
    created = models.DateTimeField()  # at the provider
    received_at = models.DateTimeField(default=timezone.now, editable=False)
    handled_at = models.DateTimeField(null=True, blank=True)
    failure = models.CharField(max_length=200, blank=True)  # of the last try
    object_id = models.CharField(max_length=120, blank=True)
    customer = models.CharField(max_length=80, blank=True)
    payment = models.CharField(max_length=120, blank=True)

    class Meta:
        ordering = ["-received_at"]
        indexes = [
            models.Index(fields=["received_at"], name="events_to_handle", condition=models.Q(handled_at__isnull=True))
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.id}"
