"""Invoices, statements and credit notes: what was charged, to whom, with which tax, and what was paid."""

from __future__ import annotations

import uuid
from decimal import Decimal

from django.core.validators import MinValueValidator
from django.db import models

from billing.models_plans import pence
from tenants.models import Organisation


def signed_pence() -> models.DecimalField[Decimal, Decimal]:
    return models.DecimalField(max_digits=12, decimal_places=2, default=0)


class Seller(models.Model):
    """Who issues the invoices. One row; operators fill it in before the first month is closed."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    name = models.CharField(max_length=120)
    address = models.TextField(max_length=400, help_text="As on a letter, without the country.")
    country = models.CharField(max_length=2, default="GB", editable=False)  # whose tax rules the code knows
    company_number = models.CharField(max_length=20, blank=True)
    vat_number = models.CharField(max_length=20, blank=True, help_text="Empty: not registered, no VAT is charged.")
    email = models.EmailField(help_text="For questions about an invoice.")
    bank_details = models.TextField(max_length=400, blank=True, help_text="Printed for who pays by transfer.")
    payment_days = models.PositiveSmallIntegerField(default=14)
    grace_days = models.PositiveSmallIntegerField(
        default=14, help_text="After an invoice is overdue or a trial is over, before the organisation is suspended."
    )
    invoice_prefix = models.CharField(max_length=12, default="INV-")
    credit_prefix = models.CharField(max_length=12, default="CN-")

    class Meta:
        verbose_name_plural = "seller"
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="one_seller")]

    def __str__(self) -> str:
        return self.name


class BillingDetails(models.Model):
    """Whom an organisation's invoices are made out to."""

    organisation = models.OneToOneField(Organisation, models.CASCADE, related_name="billing_details")
    name = models.CharField(max_length=120)
    address = models.TextField(max_length=400)
    country = models.CharField(max_length=2)
    vat_number = models.CharField(max_length=20, blank=True)
    purchase_order = models.CharField(max_length=60, blank=True)
    email = models.EmailField(blank=True)  # empty: owners and finance
    changed_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return self.name


class VatRate(models.Model):
    """The rate of a country from a date on. Rows are added, never changed."""

    country = models.CharField(max_length=2, default="GB")
    valid_from = models.DateField()
    percent = models.DecimalField(max_digits=5, decimal_places=2, validators=[MinValueValidator(0)])
    source = models.CharField(max_length=200)

    class Meta:
        ordering = ["country", "-valid_from"]
        constraints = [models.UniqueConstraint(fields=["country", "valid_from"], name="one_vat_rate_a_day")]

    def __str__(self) -> str:
        return f"{self.country} {self.percent} % from {self.valid_from}"


class InvoiceSeries(models.Model):
    """The last number given. Locked while the next one is given, so that none is left out and none comes twice."""

    name = models.CharField(max_length=16, primary_key=True)
    last = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.name} {self.last}"


class Invoice(models.Model):
    """One month of an organisation, or a credit note for it. A closed one never changes; the database sees to it.

    It outlives the organisation: ids, names and addresses are copied in.
    """

    class Kind(models.TextChoices):
        INVOICE = "invoice", "Invoice"
        CREDIT_NOTE = "credit_note", "Credit note"
        STATEMENT = "statement", "Statement"  # of a month in which nothing is to be paid; it has no number

    class State(models.TextChoices):
        DRAFT = "draft", "Draft"
        CLOSED = "closed", "Closed"

    class Tax(models.TextChoices):
        STANDARD = "standard", "VAT"
        REVERSE_CHARGE = "reverse_charge", "Reverse charge"
        OUTSIDE = "outside", "Outside the scope of UK VAT"
        NONE = "none", "No VAT"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=16, choices=Kind, default=Kind.INVOICE)
    state = models.CharField(max_length=8, choices=State, default=State.DRAFT)
    organisation_id = models.UUIDField(db_index=True)
    organisation_label = models.CharField(max_length=120)
    month = models.DateField()  # its first day
    number = models.CharField(max_length=32, null=True, unique=True)  # noqa: DJ001  (unique where there is one)
    issued_on = models.DateField(null=True)
    due_on = models.DateField(null=True)
    corrects = models.ForeignKey("self", models.PROTECT, null=True, related_name="credit_notes")
    reason = models.CharField(max_length=300, blank=True)  # of a credit note; printed
    seller = models.JSONField(default=dict)  # as they were on that day
    customer = models.JSONField(default=dict)
    tax_rule = models.CharField(max_length=16, choices=Tax, blank=True)
    tax_percent = models.DecimalField(max_digits=5, decimal_places=2, default=0)
    tax_note = models.CharField(max_length=200, blank=True)
    usage_gbp = models.DecimalField(max_digits=16, decimal_places=8, default=0)  # what the ledger says the month cost
    net_gbp = pence()
    tax_gbp = pence()
    total_gbp = pence()
    made_at = models.DateTimeField(auto_now_add=True)
    closed_at = models.DateTimeField(null=True)
    closed_by = models.CharField(max_length=254, blank=True)  # nobody: the calendar
    problem = models.CharField(max_length=300, blank=True)  # why a draft could not be closed

    class Meta:
        ordering = ["-month", "organisation_label", "made_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["organisation_id", "month"], condition=~models.Q(kind="credit_note"), name="one_invoice_a_month"
            ),
            models.CheckConstraint(
                condition=models.Q(total_gbp=models.F("net_gbp") + models.F("tax_gbp")), name="total_is_net_and_tax"
            ),
            models.CheckConstraint(
                condition=models.Q(state="draft", number__isnull=True)
                | models.Q(state="closed", kind="statement", number__isnull=True)
                | models.Q(
                    state="closed", kind__in=["invoice", "credit_note"], number__isnull=False, issued_on__isnull=False
                ),
                name="closed_ones_have_numbers",
            ),
            models.CheckConstraint(
                condition=models.Q(kind="credit_note", corrects__isnull=False)
                | models.Q(corrects__isnull=True) & ~models.Q(kind="credit_note"),
                name="a_credit_note_names_its_invoice",
            ),
        ]

    def __str__(self) -> str:
        return self.number or f"{self.get_state_display()}, {self.month:%B %Y}"

    @property
    def is_closed(self) -> bool:
        return self.state == self.State.CLOSED


class InvoiceLine(models.Model):
    """What is charged for. `cost_gbp` of usage is the ledger's sum to the last digit; `amount_gbp` is in pence."""

    class Kind(models.TextChoices):
        PLAN = "plan"
        USAGE = "usage"
        INCLUDED = "included"  # usage that is in the plan's price, taken off
        OTHER = "other"  # written by an operator

    invoice = models.ForeignKey(Invoice, models.CASCADE, related_name="lines")
    position = models.PositiveSmallIntegerField()
    kind = models.CharField(max_length=16, choices=Kind)
    text = models.CharField(max_length=200)
    since = models.DateField()
    until = models.DateField()
    calls = models.PositiveIntegerField(default=0)
    cost_gbp = models.DecimalField(max_digits=16, decimal_places=8, default=0)
    amount_gbp = signed_pence()

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["invoice", "position"], name="one_line_a_position")]

    def __str__(self) -> str:
        return f"{self.text} £{self.amount_gbp}"


class InvoiceFile(models.Model):
    """The PDF as it was when the invoice was closed, and whether it was sent."""

    invoice = models.OneToOneField(Invoice, models.PROTECT, related_name="file")
    content = models.BinaryField()
    sha256 = models.CharField(max_length=64)

    def __str__(self) -> str:
        return str(self.invoice)


class InvoiceSending(models.Model):
    """An invoice's e-mail: claimed by who sends it, and sent once. A row is there from the closing on."""

    invoice = models.OneToOneField(Invoice, models.CASCADE, related_name="sending")
    claimed_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    people = models.PositiveIntegerField(default=0)
    failures = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.invoice}: {self.sent_at or 'not sent'}"


class InvoicePayment(models.Model):
    """Money that came for an invoice, or went back (negative). The database refuses updates and deletes."""

    class Way(models.TextChoices):
        TRANSFER = "transfer", "Bank transfer"
        CARD = "card", "Card"
        OTHER = "other", "Another way"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    invoice = models.ForeignKey(Invoice, models.PROTECT, related_name="payments")
    amount_gbp = signed_pence()
    paid_on = models.DateField()
    way = models.CharField(max_length=16, choices=Way)
    reference = models.CharField(max_length=120, blank=True)
    key = models.CharField(max_length=120, unique=True)  # of what came from elsewhere: once only
    made_by = models.CharField(max_length=254, blank=True)
    made_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["paid_on", "made_at"]

    def __str__(self) -> str:
        return f"£{self.amount_gbp} on {self.paid_on}"
