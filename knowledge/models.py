from __future__ import annotations

import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MinLengthValidator
from django.db import models
from django.db.models import Q

from vena_platform.errors import VenaError


class Collection(models.Model):
    """Documents that are asked together. Who may read and write them is answered by `knowledge.access`."""

    class Access(models.TextChoices):
        EVERYONE = "everyone", "Everyone in the organisation"
        GROUPS = "groups", "Only the groups below"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=120, unique=True, validators=[MinLengthValidator(1)])
    description = models.CharField(max_length=500, blank=True)
    language = models.CharField(max_length=16, default="english")  # whose word stems keyword search folds
    is_contextual = models.BooleanField(default=False)  # a model writes a sentence of context for each chunk
    access = models.CharField("who may read it", max_length=8, choices=Access, default=Access.EVERYONE)
    readers = models.ManyToManyField("accounts.Group", related_name="+", blank=True)
    writers = models.ManyToManyField(  # they read it as well; none: every editor who may read it
        "accounts.Group",
        related_name="+",
        blank=True,
        help_text="Editors of these groups may change it. Without any, every editor who may read it.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Document(models.Model):
    """What a person uploaded under one name, through all its versions, and where its newest stands.

    Readers see `current`; `newest` is what was uploaded last. They differ while a new version is on its way, and
    after one failed.
    """

    class State(models.TextChoices):
        QUEUED = "queued"
        READING = "reading"
        CHUNKING = "chunking"
        EMBEDDING = "embedding"
        READY = "ready"
        FAILED = "failed"
        DELETING = "deleting"

    WORKING = (State.READING, State.CHUNKING, State.EMBEDDING)
    BUSY = (State.QUEUED, *WORKING)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    collection = models.ForeignKey(Collection, models.PROTECT, related_name="documents")
    parent = models.ForeignKey("self", models.CASCADE, null=True, blank=True, related_name="parts")  # the archive, mail
    key = models.CharField(max_length=600)  # an upload with the same key is a new version; see `document_key`
    external_id = models.CharField(max_length=200, blank=True)  # the name a caller of the API has for it
    source_url = models.URLField(max_length=2000, blank=True)
    page_limit = models.PositiveIntegerField(null=True, blank=True)  # of a sitemap; None for any other document
    title = models.CharField(max_length=255)
    tags = ArrayField(models.CharField(max_length=60), default=list, blank=True)
    dated = models.DateField(
        null=True, blank=True
    )  # the day it is of, for filters; the day it was added if nobody said
    uploaded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    uploaded_by_label = models.CharField(max_length=254, blank=True)
    current = models.ForeignKey("DocumentVersion", models.SET_NULL, null=True, blank=True, related_name="+")
    newest = models.ForeignKey("DocumentVersion", models.SET_NULL, null=True, blank=True, related_name="+")

    state = models.CharField(max_length=16, choices=State, default=State.QUEUED)
    progress_done = models.PositiveIntegerField(default=0)  # chunks embedded
    progress_total = models.PositiveIntegerField(default=0)
    failure_code = models.CharField(max_length=64, blank=True)
    failure_message = models.CharField(max_length=400, blank=True)  # for the person
    failure_detail = models.TextField(blank=True)  # for us; never shown
    failed_stage = models.CharField(max_length=16, blank=True)
    attempts = models.PositiveIntegerField(default=0)  # since a person last put it in line
    interruptions = models.PositiveIntegerField(default=0)  # of these, the ones whose worker died
    queued_at = models.DateTimeField(auto_now_add=True)  # its place in line
    not_before = models.DateTimeField(null=True, blank=True)  # a provider asked for patience
    work_started_at = models.DateTimeField(null=True, blank=True)
    progressed_at = models.DateTimeField(null=True, blank=True)  # when the work last got further
    lease = models.UUIDField(null=True, blank=True)  # the worker that has it
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    ready_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["collection", "-created_at"]),
            models.Index(fields=["state", "queued_at"]),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["collection", "key"], condition=~Q(state="deleting"), name="one_document_a_key"
            )
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def is_busy(self) -> bool:
        return self.state in self.BUSY

    def fail(self, error: VenaError) -> None:
        self.state = self.State.FAILED
        self.failure_code, self.failure_message, self.failure_detail = error.code, error.text, error.detail


def storage_path(version: DocumentVersion, file_name: str) -> str:
    """The storage adds the organisation's folder in front; the name in the path is ours, never the person's."""
    suffix = "." + file_name.rpartition(".")[2].lower()[:10] if "." in file_name else ""
    return f"documents/{version.id}{suffix}"


class DocumentVersion(models.Model):
    """One file a document consisted of, with what became of it. Kept, so that old citations open what they cited."""

    class Reason(models.TextChoices):
        UPLOAD = "upload"
        REINDEX = "reindex"  # the same file, read again

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    document = models.ForeignKey(Document, models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()  # from 1
    reason = models.CharField(max_length=16, choices=Reason, default=Reason.UPLOAD)
    file = models.FileField(upload_to=storage_path, max_length=255)
    file_name = models.CharField(max_length=255)
    media_type = models.CharField(max_length=120, blank=True)
    size = models.PositiveBigIntegerField(default=0)  # bytes
    sha256 = models.CharField(max_length=64, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    created_by_label = models.CharField(max_length=254, blank=True)
    page_count = models.PositiveIntegerField(null=True, blank=True)
    chunk_count = models.PositiveIntegerField(default=0)
    part_count = models.PositiveIntegerField(default=0)  # documents found inside
    recipe = models.CharField(max_length=120, blank=True)  # what it was read and cut with; see `ingestion.recipe`
    chunked_at = models.DateTimeField(null=True, blank=True)  # from then on its chunks are rows
    created_at = models.DateTimeField(auto_now_add=True)
    ready_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["document", "number"], name="one_version_a_number")]

    def __str__(self) -> str:
        return f"{self.file_name}, version {self.number}"


class Chunk(models.Model):
    """A passage of a version: the text that is cited. Its vectors lie in the index under `point_id`.

    Versions of a document share the point of a text they share, so only what changed is embedded.
    """

    document = models.ForeignKey(Document, models.CASCADE, related_name="chunks")
    version = models.ForeignKey(DocumentVersion, models.CASCADE, related_name="chunks")
    point_id = models.UUIDField(db_index=True)  # UUIDv5 of document, content hash and occurrence
    position = models.PositiveIntegerField()
    section = models.PositiveIntegerField(default=0)  # chunks of one section share it
    text = models.TextField()
    embedding_text = models.TextField()  # title, heading path, context and text, as it was embedded
    context = models.TextField(blank=True)  # contextual retrieval: what a model says of it
    heading_path = ArrayField(models.CharField(max_length=500), default=list)
    page = models.PositiveIntegerField(null=True)
    last_page = models.PositiveIntegerField(null=True)
    boxes = models.JSONField(default=list)  # [page, left, top, right, bottom], points from the page's top left
    place = models.CharField(max_length=200, blank=True)  # "Sheet Budget, rows 2-41"
    char_start = models.PositiveIntegerField()
    char_end = models.PositiveIntegerField()
    content_hash = models.CharField(max_length=64, db_index=True)  # sha256 of `embedding_text`

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["version", "position"], name="one_chunk_a_place")]

    def __str__(self) -> str:
        return f"{self.version_id} #{self.position}"


class TextVectors(models.Model):
    """What an embedding model made of a text, by the text's hash: nothing is embedded twice.

    Restoring a version, repairing the index and moving it cost no call of a provider. Rows whose text no chunk holds
    any more are removed with the last one.
    """

    embedding_version = models.CharField(max_length=64)
    content_hash = models.CharField(max_length=64)
    dense = models.BinaryField()  # float32, little endian
    tokens = models.BinaryField(null=True)  # token vectors for late interaction; see `retrieval.late_interaction`
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["content_hash", "embedding_version"], name="one_vector_a_text")]

    def __str__(self) -> str:
        return f"{self.embedding_version} {self.content_hash[:12]}"


class IngestionAttempt(models.Model):
    """One try at a version, with the time each stage took."""

    class Outcome(models.TextChoices):
        READY = "ready"
        UNCHANGED = "unchanged"  # a page was fetched again and is what it was
        FAILED = "failed"
        CANCELLED = "cancelled"
        INTERRUPTED = "interrupted"  # the worker died
        PUT_BACK = "put_back"  # a provider asked for patience
        YIELDED = "yielded"  # another organisation's turn

    document = models.ForeignKey(Document, models.CASCADE, related_name="ingestion_attempts")
    version = models.ForeignKey(DocumentVersion, models.CASCADE, related_name="ingestion_attempts")
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField()
    outcome = models.CharField(max_length=16, choices=Outcome)
    failure_code = models.CharField(max_length=64, blank=True)
    stages = models.JSONField(default=dict)  # stage → seconds
    embedded = models.PositiveIntegerField(default=0)  # chunks a model was asked for
    reused = models.PositiveIntegerField(default=0)  # chunks whose vectors were there

    class Meta:
        ordering = ["-started_at"]

    def __str__(self) -> str:
        return f"{self.document_id} {self.outcome}"


class LibraryState(models.Model):
    """One row: a number that grows with every change of what can be found. Part of the key of cached answers."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    index_version = models.PositiveBigIntegerField(default=1)

    def __str__(self) -> str:
        return f"version {self.index_version}"


class AnswerPolicy(models.Model):
    """One row: how this organisation's answers are made. Empty names are the platform's choice."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    primary_provider = models.CharField(max_length=32, blank=True)
    primary_model = models.CharField(max_length=80, blank=True)
    backup_provider = models.CharField(max_length=32, blank=True)
    backup_model = models.CharField(max_length=80, blank=True)
    instructions = models.TextField(max_length=4000, blank=True)  # rules and tone of the organisation's own
    prompt_version = models.CharField(max_length=32, blank=True)  # empty: the default one
    passages = models.PositiveSmallIntegerField(null=True, blank=True)  # offered to the model; empty: as the platform
    is_reranked = models.BooleanField(null=True, blank=True)  # None: as `Organisation.is_reranked` says
    is_multi_query = models.BooleanField(default=False)
    is_cached = models.BooleanField(default=True)
    is_semantically_cached = models.BooleanField(default=False)
    updated_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return "How questions are answered"


class CacheSaving(models.Model):
    """What answers from the cache have saved on a day. What providers' own caches save is in the ledger."""

    class Kind(models.TextChoices):
        EXACT = "exact"  # the same question
        SEMANTIC = "semantic"  # a similar one

    day = models.DateField()
    kind = models.CharField(max_length=16, choices=Kind)
    hits = models.PositiveBigIntegerField(default=0)
    tokens = models.PositiveBigIntegerField(default=0)  # of input and output that were not spent again
    saved_gbp = models.DecimalField(max_digits=16, decimal_places=8, default=0)  # at what the answers had cost

    class Meta:
        ordering = ["-day", "kind"]
        constraints = [models.UniqueConstraint(fields=["day", "kind"], name="one_saving_a_day")]

    def __str__(self) -> str:
        return f"{self.day} {self.kind}: {self.hits}"


class ProviderKey(models.Model):
    """The organisation's own key for a provider. The secret is encrypted and never shown again; `hint` is its end."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    provider = models.CharField(max_length=32, unique=True)
    secret = models.TextField(editable=False)  # sealed by vena_platform.secrets
    base_url = models.URLField(max_length=300, blank=True)  # of a server that speaks the provider's API; "": its own
    hint = models.CharField(max_length=4, blank=True)
    tested_at = models.DateTimeField()
    tested_ok = models.BooleanField(default=True)
    failure_message = models.CharField(max_length=400, blank=True)  # of the last test, for the person
    created_by_label = models.CharField(max_length=254, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["provider"]

    def __str__(self) -> str:
        return f"{self.provider} …{self.hint}"


class Reembedding(models.Model):
    """Another embedding model built beside the one that answers; switched to, and back, at a click."""

    class State(models.TextChoices):
        BUILDING = "building"
        BUILT = "built"  # complete beside the one that answers
        SWITCHED = "switched"  # it answers; the one before is kept beside it
        CLOSED = "closed"  # only the one that answers is left
        CANCELLED = "cancelled"
        FAILED = "failed"

    OPEN = (State.BUILDING, State.BUILT, State.SWITCHED)
    KEPT = (*OPEN, State.FAILED)  # points of both models may exist

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    source_provider = models.CharField(max_length=32)
    source_version = models.CharField(max_length=64)
    target_provider = models.CharField(max_length=32)
    target_version = models.CharField(max_length=64)
    state = models.CharField(max_length=16, choices=State, default=State.BUILDING)
    done = models.PositiveIntegerField(default=0)  # chunks
    total = models.PositiveIntegerField(default=0)
    token_estimate = models.PositiveBigIntegerField(default=0)
    cost_estimate_gbp = models.DecimalField(max_digits=16, decimal_places=8, default=0)
    failure_code = models.CharField(max_length=64, blank=True)
    failure_message = models.CharField(max_length=400, blank=True)
    failure_detail = models.TextField(blank=True)
    started_by_label = models.CharField(max_length=254, blank=True)
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    before = models.ForeignKey("EvaluationRun", models.SET_NULL, null=True, related_name="+")
    after = models.ForeignKey("EvaluationRun", models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(fields=["state"], condition=Q(state="building"), name="one_building_at_a_time")
        ]

    def __str__(self) -> str:
        return f"{self.source_version} → {self.target_version}"


class ReconcileReport(models.Model):
    """What a comparison of rows, vectors, files and cached vectors found, and what it did about it."""

    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    counted = models.JSONField(default=dict)  # what was compared → number
    found = models.JSONField(default=dict)  # kind of difference → number
    repaired = models.JSONField(default=dict)
    examples = models.JSONField(default=dict)  # kind → a few ids

    class Meta:
        ordering = ["-started_at"]

    def __str__(self) -> str:
        return f"{self.started_at:%Y-%m-%d %H:%M}"


class GoldenQuestion(models.Model):
    """A question whose right passage is known, to measure retrieval with."""

    class Source(models.TextChoices):
        TYPED = "typed"
        CSV = "csv"
        RATED = "rated"  # from an answer somebody found good

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    text = models.CharField(max_length=2000)
    source = models.CharField(max_length=8, choices=Source, default=Source.TYPED)
    created_by_label = models.CharField(max_length=254, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [models.UniqueConstraint(fields=["text"], name="one_golden_question_a_text")]

    def __str__(self) -> str:
        return self.text


class GoldenTarget(models.Model):
    """Where a golden question is answered: a document and, if named, words that the right passage holds."""

    question = models.ForeignKey(GoldenQuestion, models.CASCADE, related_name="targets")
    document = models.ForeignKey(Document, models.CASCADE, related_name="golden_targets")
    quote = models.TextField(blank=True)

    def __str__(self) -> str:
        return f"{self.question_id} → {self.document_id}"


class EvaluationRun(models.Model):
    """One measurement of retrieval with all golden questions."""

    class State(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    state = models.CharField(max_length=16, choices=State, default=State.QUEUED)
    label = models.CharField(max_length=120, blank=True)
    started_by_label = models.CharField(max_length=254, blank=True)
    embedding_provider = models.CharField(max_length=32)
    embedding_version = models.CharField(max_length=64)
    setup = models.JSONField(default=dict)  # how it was searched: rerank, candidates, fusion
    question_count = models.PositiveIntegerField(default=0)
    done_count = models.PositiveIntegerField(default=0)
    recall_at_5 = models.FloatField(null=True)
    recall_at_10 = models.FloatField(null=True)
    mrr_at_10 = models.FloatField(null=True)
    ndcg_at_10 = models.FloatField(null=True)
    failure_code = models.CharField(max_length=64, blank=True)
    failure_message = models.CharField(max_length=400, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.created_at:%Y-%m-%d %H:%M} {self.state}"


class EvaluationResult(models.Model):
    """How one golden question fared in one run. The text is copied: the question may be deleted later."""

    run = models.ForeignKey(EvaluationRun, models.CASCADE, related_name="results")
    question = models.ForeignKey(GoldenQuestion, models.SET_NULL, null=True, related_name="+")
    text = models.CharField(max_length=2000)
    first_rank = models.PositiveIntegerField(null=True)  # from 1; null: not among what was found
    recall_at_5 = models.FloatField()
    recall_at_10 = models.FloatField()
    mrr_at_10 = models.FloatField()
    ndcg_at_10 = models.FloatField()
    expected = models.JSONField(default=list)  # [{"document": id, "title", "quote"}]
    found = models.JSONField(default=list)  # the first few: [{"document": id, "title", "page", "text"}]

    class Meta:
        ordering = ["ndcg_at_10", "id"]

    def __str__(self) -> str:
        return self.text
