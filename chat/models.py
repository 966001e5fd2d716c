from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models


class Conversation(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    member = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="conversations")
    title = models.CharField(max_length=120)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["-updated_at"]
        indexes = [models.Index(fields=["member", "-updated_at"])]

    def __str__(self) -> str:
        return self.title


class Message(models.Model):
    """A question or an answer. An accepted question always has an answer row, whatever becomes of it."""

    class Role(models.TextChoices):
        USER = "user"
        ASSISTANT = "assistant"

    class Status(models.TextChoices):
        COMPLETE = "complete"
        STREAMING = "streaming"
        STOPPED = "stopped"
        REFUSED = "refused"
        INTERRUPTED = "interrupted"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="messages")
    role = models.CharField(max_length=16, choices=Role)
    status = models.CharField(max_length=16, choices=Status, default=Status.COMPLETE)
    text = models.TextField(blank=True)
    client_id = models.UUIDField(
        null=True, blank=True
    )  # questions: the browser's own id, so a repeat is not asked twice
    reply_to = models.OneToOneField("self", models.CASCADE, null=True, blank=True, related_name="answer")
    collection_ids = models.JSONField(null=True, blank=True)  # what the question was limited to; null for everything
    error_code = models.CharField(max_length=64, blank=True)
    error_detail = models.CharField(max_length=300, blank=True)
    provider = models.CharField(max_length=32, blank=True)
    model = models.CharField(max_length=80, blank=True)
    input_tokens = models.PositiveIntegerField(default=0)
    output_tokens = models.PositiveIntegerField(default=0)
    cost_gbp = models.DecimalField(max_digits=16, decimal_places=8, null=True)
    is_cached = models.BooleanField(default=False)
    first_text_ms = models.PositiveIntegerField(null=True)  # from question to first text
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["created_at", "role"]
        indexes = [models.Index(fields=["conversation", "created_at"])]
        constraints = [
            models.UniqueConstraint(
                fields=["client_id"], condition=models.Q(client_id__isnull=False), name="asked_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.role} {self.status}"


class Source(models.Model):
    """A passage that was offered for an answer, as it stood then. `is_cited` when the answer points at it."""

    id = models.BigAutoField(primary_key=True)
    message = models.ForeignKey(Message, models.CASCADE, related_name="sources")
    n = models.PositiveSmallIntegerField()
    document_id = models.UUIDField()  # no foreign key: the citation stays readable when the document is gone
    chunk_id = models.UUIDField()
    title = models.CharField(max_length=255)
    version = models.PositiveIntegerField(
        null=True
    )  # of the document: the link opens what was cited, not what came later
    page = models.PositiveIntegerField(null=True)
    position = models.PositiveIntegerField()  # of its first chunk
    last_position = models.PositiveIntegerField(null=True)  # None: the passage is one chunk
    snippet = models.TextField()
    is_cited = models.BooleanField(default=False)

    class Meta:
        ordering = ["n"]
        constraints = [models.UniqueConstraint(fields=["message", "n"], name="one_source_a_number")]
        indexes = [models.Index(fields=["document_id"])]

    def __str__(self) -> str:
        return f"[{self.n}] {self.title}"
