from __future__ import annotations

import uuid
from typing import Any

from django.db import models

from accounts.audit.registry import Action


class AuditEvent(models.Model):
    """Who did what to which object, from where. Append only, and chained: each row holds the hash of the one before.

    The database numbers, times and hashes the rows, and refuses changes (migration `audit`). Only what names a person
    can be blanked, by `person_blank`: the chain covers these fields by a salted digest, so it stays whole.
    """

    class Kind(models.TextChoices):
        PERSON = "person", "Person"
        KEY = "key", "API key"
        SYSTEM = "system", "Vena itself"
        OPERATOR = "operator", "Platform operator"

    id = models.BigAutoField("number", primary_key=True)  # without gaps; given by the database under a lock
    at = models.DateTimeField("when", editable=False)
    action = models.CharField(max_length=64)
    actor_id = models.UUIDField(null=True)
    actor_kind = models.CharField("by a", max_length=16, choices=Kind)
    target_kind = models.CharField(max_length=40, blank=True)
    target_id = models.CharField(max_length=64, blank=True)
    organisation = models.CharField(max_length=63)  # the schema the row is about
    request_id = models.CharField(max_length=64, blank=True)
    detail = models.JSONField(default=dict)  # never a text of a prompt, passage or answer, never a secret, no names
    # What names a person: blanked when the person is erased.
    actor_label = models.CharField("who", max_length=254, blank=True)
    target_label = models.CharField("what", max_length=300, blank=True)
    address = models.CharField(max_length=45, blank=True)
    user_agent = models.CharField(max_length=300, blank=True)
    salt = models.CharField(max_length=36, blank=True, editable=False)
    erased_at = models.DateTimeField(null=True, editable=False)
    personal_hash = models.CharField(max_length=64, editable=False)
    previous_hash = models.CharField(max_length=64, blank=True, editable=False)
    hash = models.CharField(max_length=64, editable=False)

    class Meta:
        ordering = ["-id"]
        verbose_name = "audit entry"
        verbose_name_plural = "audit log"
        indexes = [
            models.Index(fields=["-at"], name="audit_by_time"),
            models.Index(fields=["action", "-id"], name="audit_by_action"),
            models.Index(fields=["actor_id", "-id"], name="audit_by_actor"),
        ]

    def __str__(self) -> str:
        return f"{self.id}: {self.action}"

    @property
    def sentence(self) -> str:
        return Action(self.action).sentence if self.action in set(Action) else self.action


class AuditMark(models.Model):
    """A place of the chain that was seen whole, or where old rows were cut off. Sealed with a key that the database
    does not have: who rewrites the chain can't make the marks fit."""

    class Kind(models.TextChoices):
        SEEN = "seen"
        CUT = "cut"  # all rows up to and with this number are gone

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=8, choices=Kind)
    number = models.BigIntegerField()
    hash = models.CharField(max_length=64)
    seal = models.CharField(max_length=200)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["number", "at"]

    def __str__(self) -> str:
        return f"{self.kind} {self.number}"


PERSONAL: tuple[str, ...] = ("actor_label", "target_label", "address", "user_agent")
BLANK: dict[str, Any] = {**dict.fromkeys(PERSONAL, ""), "salt": ""}
