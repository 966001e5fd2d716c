from __future__ import annotations

import uuid

from django.db import models


class IsolationReport(models.Model):
    """A run of the probe between two scratch organisations. It is in the public schema: all organisations share it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    begun_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, editable=False)
    scratch = models.JSONField(default=list)  # ids of the two organisations, until they are removed
    is_held = models.BooleanField(null=True)
    document = models.TextField(blank=True)  # signed JSON
    page = models.TextField(blank=True)  # signed HTML
    failure_detail = models.TextField(blank=True)  # why there is no report; for operators

    class Meta:
        ordering = ["-begun_at"]

    def __str__(self) -> str:
        return f"{self.begun_at:%Y-%m-%d %H:%M}"
