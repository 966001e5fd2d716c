"""What a running answer may have spent already, should its process die."""

from __future__ import annotations

from django.db import models
from django.utils import timezone


class OpenAnswer(models.Model):
    """The calls of an answer that runs: those that have ended, and the one that was begun last. Gone at its end."""

    id = models.UUIDField(primary_key=True, editable=False)
    subject = models.UUIDField()  # the answer
    organisation_id = models.UUIDField()
    organisation_label = models.CharField(max_length=120)
    held = models.UUIDField(null=True)  # under which key budgets hold room for it
    calls = models.JSONField()  # as `billing.open_answers` writes them
    opened_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [
            models.Index(fields=["subject"], name="open_by_subject"),
            models.Index(fields=["opened_at"], name="open_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.organisation_label} {self.subject}"
