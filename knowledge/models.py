from __future__ import annotations

import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MinLengthValidator
from django.db import models

from vena_platform.errors import VenaError


class Collection(models.Model):
    """A group of documents that are asked together. Every member may read every collection so far."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=120, unique=True, validators=[MinLengthValidator(1)])
    description = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


def storage_path(document: Document, file_name: str) -> str:
    """The storage adds the organisation's folder in front; the name in the path is ours, never the person's."""
    suffix = "." + file_name.rpartition(".")[2].lower()[:10] if "." in file_name else ""
    return f"documents/{document.id}{suffix}"


class Document(models.Model):
    """A file and where it stands on its way to being answered from."""

    class State(models.TextChoices):
        QUEUED = "queued"
        READING = "reading"
        CHUNKING = "chunking"
        EMBEDDING = "embedding"
        READY = "ready"
        FAILED = "failed"
        DELETING = "deleting"

    BUSY = (State.QUEUED, State.READING, State.CHUNKING, State.EMBEDDING)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    collection = models.ForeignKey(Collection, models.PROTECT, related_name="documents")
    uploaded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    uploaded_by_label = models.CharField(max_length=254, blank=True)
    title = models.CharField(max_length=255)
    file = models.FileField(upload_to=storage_path, max_length=255)
    file_name = models.CharField(max_length=255)
    media_type = models.CharField(max_length=120, blank=True)
    size = models.PositiveBigIntegerField(default=0)  # bytes
    sha256 = models.CharField(max_length=64, blank=True)
    page_count = models.PositiveIntegerField(null=True, blank=True)
    chunk_count = models.PositiveIntegerField(default=0)

    state = models.CharField(max_length=16, choices=State, default=State.QUEUED)
    progress_done = models.PositiveIntegerField(default=0)  # chunks embedded
    progress_total = models.PositiveIntegerField(default=0)
    failure_code = models.CharField(max_length=64, blank=True)
    failure_message = models.CharField(max_length=300, blank=True)  # for the person
    failure_detail = models.TextField(blank=True)  # for us; never shown
    attempts = models.PositiveIntegerField(default=0)
    lease = models.UUIDField(null=True, blank=True)  # the worker that has it
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    ready_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [models.Index(fields=["collection", "-created_at"]), models.Index(fields=["state"])]

    def __str__(self) -> str:
        return self.title

    @property
    def is_busy(self) -> bool:
        return self.state in self.BUSY

    def fail(self, error: VenaError) -> None:
        self.state = self.State.FAILED
        self.failure_code, self.failure_message, self.failure_detail = error.code, error.text, error.detail


class Chunk(models.Model):
    """A passage of a document: the text that is cited. Its vectors live in the index under the same id."""

    id = models.UUIDField(primary_key=True)  # UUIDv5 of document, content hash and occurrence
    document = models.ForeignKey(Document, models.CASCADE, related_name="chunks")
    position = models.PositiveIntegerField()
    text = models.TextField()
    heading_path = ArrayField(models.CharField(max_length=500), default=list)
    page = models.PositiveIntegerField(null=True)
    last_page = models.PositiveIntegerField(null=True)
    char_start = models.PositiveIntegerField()
    char_end = models.PositiveIntegerField()
    content_hash = models.CharField(max_length=64)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(
                fields=["document", "position"], name="one_chunk_a_position", deferrable=models.Deferrable.DEFERRED
            )
        ]

    def __str__(self) -> str:
        return f"{self.document_id} #{self.position}"
