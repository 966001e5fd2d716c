from __future__ import annotations

import uuid

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

DAYS = [MinValueValidator(1), MaxValueValidator(36_500)]


class PrivacySettings(models.Model):
    """One row: how long this organisation keeps what, and whether its administrators may read conversations."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    conversation_days = models.PositiveIntegerField(null=True, blank=True, validators=DAYS)  # after the last question
    document_days = models.PositiveIntegerField(null=True, blank=True, validators=DAYS)  # after the newest version
    admins_may_read = models.BooleanField(default=False)
    updated_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return "Privacy"


class ErasureReceipt(models.Model):
    """Proof that a person is gone, without saying who it was: counts by store, and what was found left afterwards."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    person_id = models.UUIDField()
    requested_by = models.UUIDField(null=True)
    with_documents = models.BooleanField(default=False)
    removed = models.JSONField(default=dict)  # store → count
    left = models.JSONField(default=dict)  # store → count found by looking again; all zero
    started_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-started_at"]

    def __str__(self) -> str:
        return str(self.id)
