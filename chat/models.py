from __future__ import annotations

import uuid

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector
from django.db import models

from chat.experiments.models import Arm, Experiment


class Conversation(models.Model):
    """A tree of questions and answers: asking again, or in other words, begins a branch beside the first one."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    member = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="conversations")
    title = models.CharField(max_length=120)
    is_named = models.BooleanField(default=False)  # by the person: no title of ours replaces it
    leaf = models.ForeignKey("Message", models.SET_NULL, null=True, related_name="+")  # the answer that is open now
    pinned_at = models.DateTimeField(null=True, blank=True)
    archived_at = models.DateTimeField(null=True, blank=True)
    shared_at = models.DateTimeField(null=True, blank=True)  # from then on colleagues with the link may read it
    summary = models.TextField(blank=True)  # of what is too long ago for a prompt
    summary_upto = models.ForeignKey("Message", models.SET_NULL, null=True, related_name="+")  # the last message in it
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
    reply_to = models.ForeignKey("self", models.CASCADE, null=True, blank=True, related_name="answers")  # of answers
    after = models.ForeignKey("self", models.CASCADE, null=True, blank=True, related_name="followers")  # of questions
    collection_ids = models.JSONField(null=True, blank=True)  # what the question was limited to; null for everything
    asked_as = models.TextField(blank=True)  # answers: the question as it stood alone, where it was rewritten
    notices = models.JSONField(default=list)  # [{"code", "detail"}]: what was done differently
    suggestions = models.JSONField(default=list)  # questions that may follow
    prompt_version = models.CharField(max_length=32, blank=True)
    arm_id = models.UUIDField(null=True, blank=True)  # of the experiment that chose how this was answered
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
        indexes = [
            models.Index(fields=["conversation", "created_at"]),
            GinIndex(SearchVector("text", config="simple"), name="message_words"),
        ]
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


class Citation(models.Model):
    """A sentence of an answer, and the words of a passage that bear it out.

    Offsets are characters: `start`/`end` in the answer's text, `quote_start`/`quote_end` in the document version's
    plain text, `page` where the quote stands. No quote: nothing in the passage bears the sentence out.
    """

    id = models.BigAutoField(primary_key=True)
    source = models.ForeignKey(Source, models.CASCADE, related_name="citations")
    start = models.PositiveIntegerField()
    end = models.PositiveIntegerField()
    quote = models.TextField(blank=True)
    quote_start = models.PositiveIntegerField(null=True)
    quote_end = models.PositiveIntegerField(null=True)
    page = models.PositiveIntegerField(null=True)
    support = models.FloatField(default=0)  # 0 to 1: how much of the sentence the quote bears out

    class Meta:
        ordering = ["start", "id"]

    def __str__(self) -> str:
        return f"{self.start}-{self.end}"


class Feedback(models.Model):
    """What the person who asked thought of an answer."""

    class Rating(models.IntegerChoices):
        GOOD = 1
        BAD = -1

    class Reason(models.TextChoices):
        WRONG = "wrong", "It is wrong"
        INCOMPLETE = "incomplete", "Something is missing"
        SOURCE = "source", "The source does not say that"
        OUTDATED = "outdated", "It is out of date"
        UNCLEAR = "unclear", "I do not understand it"
        OTHER = "other", "Something else"

    message = models.OneToOneField(Message, models.CASCADE, primary_key=True, related_name="feedback")
    rating = models.SmallIntegerField(choices=Rating)
    reason = models.CharField(max_length=16, choices=Reason, blank=True)
    comment = models.CharField(max_length=1000, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"{self.rating:+d} {self.reason}"


class KnowledgeGap(models.Model):
    """Something people asked that the documents do not answer. One row a topic; the questions hang on it."""

    class Status(models.TextChoices):
        OPEN = "open"
        PLANNED = "planned"
        FILLED = "filled"
        DISMISSED = "dismissed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    topic = models.CharField(max_length=300)  # the question that stands for all of them
    status = models.CharField(max_length=16, choices=Status, default=Status.OPEN)
    nearest = models.JSONField(default=list)  # [{"document", "title", "page", "similarity"}], the nearest first
    note = models.CharField(max_length=1000, blank=True)  # the admin's, for those who asked
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    settled_at = models.DateTimeField(null=True, blank=True)
    may_be_filled_at = models.DateTimeField(null=True, blank=True)  # documents came in that may answer it

    class Meta:
        ordering = ["-updated_at"]

    def __str__(self) -> str:
        return self.topic


class GapQuestion(models.Model):
    """One question of a gap: refused for want of evidence, or reported by the person who asked."""

    gap = models.ForeignKey(KnowledgeGap, models.CASCADE, related_name="questions")
    answer = models.OneToOneField(Message, models.CASCADE, primary_key=True, related_name="gap_question")
    text = models.CharField(max_length=4000)
    vector = models.BinaryField(null=True)  # float32, of the embedding version below: topics are found by nearness
    embedding_version = models.CharField(max_length=64, blank=True)
    is_reported = models.BooleanField(default=False)  # by the person, not by the evidence gate
    comment = models.CharField(max_length=1000, blank=True)  # what the person who reported it adds
    told_at = models.DateTimeField(null=True)  # the person has seen that the gap is filled
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.text[:80]


__all__ = [
    "Arm",
    "Citation",
    "Conversation",
    "Experiment",
    "Feedback",
    "GapQuestion",
    "KnowledgeGap",
    "Message",
    "Source",
]
