"""Reports that are sent by e-mail, week by week or month by month."""

from __future__ import annotations

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models

from tenants.models import Organisation


class ReportSchedule(models.Model):
    """Which report of an organisation is sent when, to whom and how."""

    class Every(models.TextChoices):
        WEEK = "week", "Every Monday, of the week before"
        MONTH = "month", "On the first of a month, of the month before"

    class Format(models.TextChoices):
        PDF = "pdf", "PDF"
        XLSX = "xlsx", "Excel"
        CSV = "csv", "CSV"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organisation = models.ForeignKey(Organisation, models.CASCADE, related_name="report_schedules")
    report = models.CharField(max_length=16)  # a grouping of usage, or a statement: see `schedules.REPORTS`
    every = models.CharField(max_length=8, choices=Every, default=Every.MONTH)
    formats = ArrayField(models.CharField(max_length=8, choices=Format))
    member_ids = ArrayField(models.UUIDField(), default=list, blank=True)  # none: all owners and finance
    is_active = models.BooleanField(default=True)
    starts_on = models.DateField()  # of no period that ended before this day
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["created_at", "id"]

    def __str__(self) -> str:
        return f"{self.report} every {self.every}"


class ReportSending(models.Model):
    """One period of a schedule: claimed by who sends it, and sent once."""

    schedule = models.ForeignKey(ReportSchedule, models.CASCADE, related_name="sendings")
    since = models.DateField()
    claimed_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    people = models.PositiveIntegerField(default=0)  # that it was sent to
    failures = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["schedule", "since"], name="one_sending_a_period")]

    def __str__(self) -> str:
        return f"{self.since}: {self.sent_at or 'not sent'}"
