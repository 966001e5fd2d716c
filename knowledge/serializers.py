"""The wire shapes of collections, documents and search results."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from knowledge.models import Collection, Document


class CollectionInput(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=120)
    description = serializers.CharField(max_length=500, required=False, allow_blank=True, default="")


class CollectionOutput(serializers.ModelSerializer[Collection]):
    document_count = serializers.IntegerField(read_only=True, default=0)

    class Meta:
        model = Collection
        fields = ("id", "name", "description", "document_count", "created_at")


class DocumentInput(serializers.Serializer[Any]):
    file = serializers.FileField(allow_empty_file=True, max_length=255)
    collection = serializers.UUIDField()


class ProgressOutput(serializers.Serializer[Any]):
    done = serializers.IntegerField(help_text="Chunks stored so far")
    total = serializers.IntegerField(help_text="Chunks of the document; 0 while it is not known")


class FailureOutput(serializers.Serializer[Any]):
    code = serializers.CharField()
    detail = serializers.CharField(help_text="A sentence that says what to do")


class DocumentOutput(serializers.ModelSerializer[Document]):
    collection = serializers.UUIDField(source="collection_id")
    progress = serializers.SerializerMethodField()
    pages = serializers.IntegerField(source="page_count", allow_null=True)
    chunks = serializers.IntegerField(source="chunk_count")
    failure = serializers.SerializerMethodField()
    uploaded_by = serializers.CharField(source="uploaded_by_label")
    url = serializers.SerializerMethodField()

    class Meta:
        model = Document
        fields = (
            "id",
            "title",
            "file_name",
            "collection",
            "state",
            "progress",
            "pages",
            "chunks",
            "size",
            "media_type",
            "failure",
            "created_at",
            "ready_at",
            "uploaded_by",
            "url",
        )

    def get_progress(self, document: Document) -> dict[str, int]:
        return {"done": document.progress_done, "total": document.progress_total}

    def get_failure(self, document: Document) -> dict[str, str] | None:
        if document.state != Document.State.FAILED:
            return None
        return {"code": document.failure_code, "detail": document.failure_message}

    def get_url(self, document: Document) -> str:
        return f"/documents/{document.pk}/"


class SearchInput(serializers.Serializer[Any]):
    query = serializers.CharField(max_length=4000)
    collections = serializers.ListField(child=serializers.UUIDField(), required=False, allow_null=True, default=None)
    limit = serializers.IntegerField(min_value=1, max_value=50, default=10)


class SearchHitOutput(serializers.Serializer[Any]):
    n = serializers.IntegerField()
    document = serializers.UUIDField()
    title = serializers.CharField()
    page = serializers.IntegerField(allow_null=True)
    heading = serializers.CharField()
    text = serializers.CharField()
    score = serializers.FloatField(help_text="0 to 1 within this search")
    similarity = serializers.FloatField(help_text="Cosine of query and passage; 0 when only keywords matched")
    url = serializers.CharField()


class SearchOutput(serializers.Serializer[Any]):
    results = SearchHitOutput(many=True)
    candidates = serializers.IntegerField()
    notices = FailureOutput(many=True)
