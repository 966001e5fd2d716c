"""The wire shapes of collections, documents and search results."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from knowledge.failures import sentence_for
from knowledge.models import Collection, Document, DocumentVersion, IngestionAttempt, Reembedding
from knowledge.selectors import is_switching

GROUPS = "Ids of groups"


class CollectionInput(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=120)
    description = serializers.CharField(max_length=500, required=False, allow_blank=True, default="")
    language = serializers.CharField(max_length=16, required=False, default="english")
    access = serializers.ChoiceField(choices=Collection.Access.choices, required=False)
    readers = serializers.ListField(child=serializers.UUIDField(), required=False, max_length=100, help_text=GROUPS)
    writers = serializers.ListField(child=serializers.UUIDField(), required=False, max_length=100, help_text=GROUPS)


class CollectionChange(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=120, required=False)
    description = serializers.CharField(max_length=500, required=False, allow_blank=True)
    language = serializers.CharField(max_length=16, required=False, help_text="Whose word stems keyword search folds")
    is_contextual = serializers.BooleanField(required=False, help_text="A model writes a sentence for each passage")
    access = serializers.ChoiceField(choices=Collection.Access.choices, required=False)
    readers = serializers.ListField(child=serializers.UUIDField(), required=False, max_length=100, help_text=GROUPS)
    writers = serializers.ListField(child=serializers.UUIDField(), required=False, max_length=100, help_text=GROUPS)


class CollectionOutput(serializers.ModelSerializer[Collection]):
    document_count = serializers.IntegerField(read_only=True, default=0)
    readers: Any = serializers.PrimaryKeyRelatedField(many=True, read_only=True, help_text=GROUPS)
    writers: Any = serializers.PrimaryKeyRelatedField(many=True, read_only=True, help_text=GROUPS)

    class Meta:
        model = Collection
        fields = (
            "id",
            "name",
            "description",
            "language",
            "is_contextual",
            "access",
            "readers",
            "writers",
            "document_count",
            "created_at",
        )


class DocumentInput(serializers.Serializer[Any]):
    file = serializers.FileField(allow_empty_file=True, max_length=255)
    collection = serializers.UUIDField()
    title = serializers.CharField(max_length=255, required=False, default="")
    external_id = serializers.CharField(
        max_length=200, required=False, default="", help_text="Your own name for it: the same id is a new version"
    )
    tags = serializers.ListField(child=serializers.CharField(max_length=60), required=False, max_length=20)
    dated = serializers.DateField(required=False, help_text="The day the document is of, for filters")


class ManyDocumentsInput(serializers.Serializer[Any]):
    files = serializers.ListField(
        child=serializers.FileField(allow_empty_file=True, max_length=255),
        min_length=1,
        help_text="The field repeated, once for each file",
    )
    collection = serializers.UUIDField()
    tags = serializers.ListField(child=serializers.CharField(max_length=60), required=False, max_length=20)
    dated = serializers.DateField(required=False, help_text="The day the documents are of, for filters")


class KnownFileInput(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=255, help_text="The file's name, as it would be uploaded")
    external_id = serializers.CharField(max_length=200, required=False, default="")
    sha256 = serializers.RegexField("^[0-9a-f]{64}$", help_text="Of the file's bytes, in small hexadecimal digits")


class KnownFilesInput(serializers.Serializer[Any]):
    collection = serializers.UUIDField()
    files = serializers.ListField(child=KnownFileInput(), min_length=1, max_length=1000)


class KnownFileOutput(serializers.Serializer[Any]):
    change = serializers.CharField(help_text="What an upload would do now: created, version or unchanged")
    document = serializers.UUIDField(allow_null=True)


class KnownFilesOutput(serializers.Serializer[Any]):
    results = KnownFileOutput(many=True, help_text="In the order of the files")


class AddressInput(serializers.Serializer[Any]):
    url = serializers.CharField(max_length=2000, help_text="A page on the public web, or a sitemap")
    collection = serializers.UUIDField()
    sitemap = serializers.BooleanField(required=False, default=False, help_text="Add the pages the sitemap names")
    max_pages = serializers.IntegerField(
        min_value=1, max_value=100_000, required=False, help_text="Of the sitemap; never more than the platform allows"
    )
    title = serializers.CharField(
        max_length=255, required=False, default="", help_text="The page's own title if it is left out"
    )
    tags = serializers.ListField(child=serializers.CharField(max_length=60), required=False, max_length=20)
    dated = serializers.DateField(required=False, help_text="The day the page is of, for filters")

    def validate(self, wanted: dict[str, Any]) -> dict[str, Any]:
        if "max_pages" in wanted and not wanted["sitemap"]:
            raise serializers.ValidationError({"max_pages": "Only a sitemap has pages to limit. Set sitemap to true."})
        return wanted


class DocumentChange(serializers.Serializer[Any]):
    title = serializers.CharField(max_length=255, required=False)
    tags = serializers.ListField(child=serializers.CharField(max_length=60), required=False, max_length=20)
    dated = serializers.DateField(required=False)
    collection = serializers.UUIDField(required=False)


class ProgressOutput(serializers.Serializer[Any]):
    done = serializers.IntegerField(help_text="Passages stored so far")
    total = serializers.IntegerField(help_text="Passages of the document; 0 while it is not known")


class FailureOutput(serializers.Serializer[Any]):
    code = serializers.CharField()
    detail = serializers.CharField(help_text="A sentence that says what to do")
    stage = serializers.CharField(help_text="Where it failed; a retry goes on there", required=False)


class DocumentOutput(serializers.ModelSerializer[Document]):
    """Give `places` (see `selectors.places_in_line`) in the context, so that queued documents tell their place, and
    `parts` (`selectors.states_of_parts`), so that archives tell how their files stand."""

    collection = serializers.UUIDField(source="collection_id")
    parent = serializers.UUIDField(source="parent_id", allow_null=True)  # type: ignore[assignment]
    parent_title = serializers.SerializerMethodField()
    place_in_line = serializers.SerializerMethodField(help_text="From 1; null for a document that does not wait")
    progress = serializers.SerializerMethodField()
    version = serializers.SerializerMethodField(help_text="The version that answers; null before the first is ready")
    newest_version = serializers.SerializerMethodField(help_text="The version that was added last")
    file_name = serializers.SerializerMethodField()
    media_type = serializers.SerializerMethodField()
    size = serializers.SerializerMethodField(help_text="Bytes")
    pages = serializers.SerializerMethodField()
    chunks = serializers.SerializerMethodField()
    parts = serializers.SerializerMethodField(help_text="Files inside that are documents of their own")
    parts_by_state = serializers.SerializerMethodField(help_text="State → how many of the files inside")
    failure = serializers.SerializerMethodField()
    uploaded_by = serializers.CharField(source="uploaded_by_label")
    source_url = serializers.CharField(help_text="Where on the web it comes from; empty for a file")
    page_limit = serializers.IntegerField(allow_null=True, help_text="Of a sitemap: how many of its pages are added")
    url = serializers.SerializerMethodField()

    class Meta:
        model = Document
        fields = (
            "id",
            "title",
            "file_name",
            "external_id",
            "source_url",
            "page_limit",
            "collection",
            "parent",
            "parent_title",
            "tags",
            "dated",
            "state",
            "place_in_line",
            "progress",
            "version",
            "newest_version",
            "pages",
            "chunks",
            "parts",
            "parts_by_state",
            "size",
            "media_type",
            "failure",
            "attempts",
            "created_at",
            "ready_at",
            "uploaded_by",
            "url",
        )

    def get_place_in_line(self, document: Document) -> int | None:
        if document.state != Document.State.QUEUED:
            return None
        place: int | None = self.context.get("places", {}).get(document.pk)
        return place

    def get_progress(self, document: Document) -> dict[str, int]:
        return {"done": document.progress_done, "total": document.progress_total}

    def get_version(self, document: Document) -> int | None:
        return document.current.number if document.current else None

    def get_newest_version(self, document: Document) -> int | None:
        return document.newest.number if document.newest else None

    def get_file_name(self, document: Document) -> str:
        return shown(document).file_name

    def get_media_type(self, document: Document) -> str:
        return shown(document).media_type

    def get_size(self, document: Document) -> int:
        return shown(document).size

    def get_pages(self, document: Document) -> int | None:
        return shown(document).page_count

    def get_chunks(self, document: Document) -> int:
        return shown(document).chunk_count

    def get_parts(self, document: Document) -> int:
        return shown(document).part_count

    def get_parent_title(self, document: Document) -> str:
        """Parts stay with their parent; where one was moved, its parent may be none of the reader's business."""
        parent = document.parent
        return parent.title if parent and parent.collection_id == document.collection_id else ""

    def get_parts_by_state(self, document: Document) -> dict[str, int]:
        states: dict[str, int] = self.context.get("parts", {}).get(document.pk, {})
        return states

    def get_failure(self, document: Document) -> dict[str, str] | None:
        if document.state != Document.State.FAILED:
            return None
        return {"code": document.failure_code, "detail": document.failure_message, "stage": document.failed_stage}

    def get_url(self, document: Document) -> str:
        return f"/documents/{document.pk}/"


def shown(document: Document) -> DocumentVersion:
    """Whose facts stand for the document: the version that readers see, else the one on its way."""
    return document.current or document.newest or DocumentVersion(file_name=document.title)


class UploadOutput(DocumentOutput):
    change = serializers.CharField(help_text="created, version, refetched or unchanged")

    class Meta(DocumentOutput.Meta):
        fields = (*DocumentOutput.Meta.fields, "change")  # type: ignore[assignment]


class RefusedOutput(serializers.Serializer[Any]):
    file_name = serializers.CharField()
    change = serializers.CharField(help_text="refused")
    failure = FailureOutput()


class ManyUploadsOutput(serializers.Serializer[Any]):
    results = UploadOutput(
        many=True, help_text="In the order of the files; a refused one has only RefusedOutput's fields"
    )


class VersionOutput(serializers.ModelSerializer[DocumentVersion]):
    pages = serializers.IntegerField(source="page_count", allow_null=True)
    chunks = serializers.IntegerField(source="chunk_count")
    created_by = serializers.CharField(source="created_by_label")
    is_current = serializers.BooleanField(read_only=True)

    class Meta:
        model = DocumentVersion
        fields = (
            "number",
            "reason",
            "file_name",
            "media_type",
            "size",
            "sha256",
            "pages",
            "chunks",
            "recipe",
            "created_by",
            "created_at",
            "ready_at",
            "is_current",
        )


class AttemptOutput(serializers.ModelSerializer[IngestionAttempt]):
    version = serializers.IntegerField(source="version.number")
    failure_detail = serializers.SerializerMethodField(help_text="A sentence that says what to do")

    class Meta:
        model = IngestionAttempt
        fields = (
            "version",
            "started_at",
            "finished_at",
            "outcome",
            "failure_code",
            "failure_detail",
            "stages",
            "embedded",
            "reused",
        )

    def get_failure_detail(self, attempt: IngestionAttempt) -> str:
        return sentence_for(attempt.failure_code)


class ReindexInput(serializers.Serializer[Any]):
    collection = serializers.UUIDField()
    dry_run = serializers.BooleanField(required=False, default=False)


class ReindexOutput(serializers.Serializer[Any]):
    documents = serializers.IntegerField(help_text="Documents read with other settings than the collection has now")
    started = serializers.BooleanField()
    context_cost_gbp = serializers.DecimalField(
        max_digits=16, decimal_places=8, allow_null=True, help_text="Contextual sentences, if the collection wants them"
    )


class EstimateOutput(serializers.Serializer[Any]):
    is_possible = serializers.BooleanField(default=True)
    chunks = serializers.IntegerField()
    input_tokens = serializers.IntegerField()
    output_tokens = serializers.IntegerField()
    cost_gbp = serializers.DecimalField(max_digits=16, decimal_places=8, allow_null=True)


class SectionOutput(serializers.Serializer[Any]):
    document = serializers.UUIDField()
    version = serializers.IntegerField()
    section = serializers.IntegerField()
    heading = serializers.ListField(child=serializers.CharField())
    text = serializers.CharField()


class ReembeddingInput(serializers.Serializer[Any]):
    provider = serializers.CharField(max_length=32)
    dry_run = serializers.BooleanField(required=False, default=False, help_text="Only say what it would cost")


class ReembeddingOutput(serializers.ModelSerializer[Reembedding]):
    failure = serializers.SerializerMethodField()
    is_switching = serializers.SerializerMethodField(help_text="Somebody has asked for the switch; it is being done")

    class Meta:
        model = Reembedding
        fields = (
            "id",
            "source_provider",
            "source_version",
            "target_provider",
            "target_version",
            "state",
            "is_switching",
            "done",
            "total",
            "token_estimate",
            "cost_estimate_gbp",
            "before",
            "after",
            "failure",
            "started_by_label",
            "created_at",
            "finished_at",
        )

    def get_is_switching(self, row: Reembedding) -> bool:
        return is_switching(row)

    def get_failure(self, row: Reembedding) -> dict[str, str] | None:
        return {"code": row.failure_code, "detail": row.failure_message} if row.failure_code else None


class ReembeddingEstimateOutput(serializers.Serializer[Any]):
    provider = serializers.CharField()
    version = serializers.CharField()
    chunks = serializers.IntegerField()
    tokens = serializers.IntegerField()
    cost_gbp = serializers.DecimalField(max_digits=16, decimal_places=8, allow_null=True)


class SearchInput(serializers.Serializer[Any]):
    query = serializers.CharField(max_length=4000)
    collections = serializers.ListField(child=serializers.UUIDField(), required=False, allow_null=True, default=None)
    documents = serializers.ListField(child=serializers.UUIDField(), required=False, allow_null=True, default=None)
    tags = serializers.ListField(child=serializers.CharField(max_length=60), required=False, default=list)
    since = serializers.DateField(required=False, allow_null=True, default=None)
    until = serializers.DateField(required=False, allow_null=True, default=None)
    limit = serializers.IntegerField(min_value=1, max_value=50, default=10)


class SearchHitOutput(serializers.Serializer[Any]):
    n = serializers.IntegerField()
    document = serializers.UUIDField()
    version = serializers.IntegerField()
    title = serializers.CharField()
    page = serializers.IntegerField(allow_null=True)
    place = serializers.CharField()
    heading = serializers.CharField()
    text = serializers.CharField()
    section = serializers.IntegerField()
    score = serializers.FloatField(help_text="0 to 1 within this search")
    similarity = serializers.FloatField(help_text="Cosine of query and passage; 0 when only keywords matched")
    url = serializers.CharField()


class SearchOutput(serializers.Serializer[Any]):
    results = SearchHitOutput(many=True)
    candidates = serializers.IntegerField()
    notices = FailureOutput(many=True)
