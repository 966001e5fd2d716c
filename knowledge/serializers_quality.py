"""The wire shapes of golden questions, measurements and explained searches."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from knowledge.evaluation.csv_files import MAX_QUESTION, MAX_QUOTE
from knowledge.models import EvaluationResult, EvaluationRun, GoldenQuestion, GoldenTarget
from knowledge.serializers import FailureOutput, SearchHitOutput, SearchInput


class TargetInput(serializers.Serializer[Any]):
    document = serializers.UUIDField()
    quote = serializers.CharField(
        max_length=MAX_QUOTE,
        required=False,
        allow_blank=True,
        default="",
        help_text="Words that the right passage holds; without them any passage of the document counts",
    )


class GoldenQuestionInput(serializers.Serializer[Any]):
    question = serializers.CharField(max_length=MAX_QUESTION)
    targets = TargetInput(many=True, min_length=1, max_length=10)  # type: ignore[call-arg]


class TargetOutput(serializers.ModelSerializer[GoldenTarget]):
    document = serializers.UUIDField(source="document_id")
    title = serializers.CharField(source="document.title")

    class Meta:
        model = GoldenTarget
        fields = ("document", "title", "quote")


class GoldenQuestionOutput(serializers.ModelSerializer[GoldenQuestion]):
    question = serializers.CharField(source="text")
    targets = TargetOutput(many=True)
    created_by = serializers.CharField(source="created_by_label")

    class Meta:
        model = GoldenQuestion
        fields = ("id", "question", "targets", "source", "created_by", "created_at")


class GoldenImportInput(serializers.Serializer[Any]):
    file = serializers.FileField(allow_empty_file=True, max_length=255)


class ProblemOutput(serializers.Serializer[Any]):
    line = serializers.IntegerField(source="number", help_text="Of the file, from 1")
    detail = serializers.CharField(source="reason")


class GoldenImportOutput(serializers.Serializer[Any]):
    added = serializers.IntegerField()
    updated = serializers.IntegerField(help_text="Known questions that got other documents or quotes")
    unchanged = serializers.IntegerField()
    problems = ProblemOutput(many=True)


class SuggestedDocumentOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    title = serializers.CharField()
    file_name = serializers.SerializerMethodField()
    collection = serializers.CharField(source="collection.name")

    def get_file_name(self, document: Any) -> str:
        return document.newest.file_name if document.newest else ""


class StarterOutput(serializers.Serializer[Any]):
    document = serializers.UUIDField(source="document_id")
    title = serializers.CharField()
    heading = serializers.CharField()
    page = serializers.IntegerField(allow_null=True)
    text = serializers.CharField()


class EvaluationInput(serializers.Serializer[Any]):
    label = serializers.CharField(max_length=120, required=False, allow_blank=True, default="")  # type: ignore[assignment]


class EvaluationOutput(serializers.ModelSerializer[EvaluationRun]):
    progress = serializers.SerializerMethodField()
    failure = serializers.SerializerMethodField()
    started_by = serializers.CharField(source="started_by_label")
    url = serializers.SerializerMethodField()

    class Meta:
        model = EvaluationRun
        fields = (
            "id",
            "state",
            "label",
            "progress",
            "recall_at_5",
            "recall_at_10",
            "mrr_at_10",
            "ndcg_at_10",
            "embedding_provider",
            "embedding_version",
            "setup",
            "failure",
            "started_by",
            "created_at",
            "finished_at",
            "url",
        )

    def get_progress(self, run: EvaluationRun) -> dict[str, int]:
        return {"done": run.done_count, "total": run.question_count}

    def get_failure(self, run: EvaluationRun) -> dict[str, str] | None:
        if run.state != EvaluationRun.State.FAILED:
            return None
        return {"code": run.failure_code, "detail": run.failure_message}

    def get_url(self, run: EvaluationRun) -> str:
        return f"/knowledge/quality/{run.pk}/"


class EvaluationResultOutput(serializers.ModelSerializer[EvaluationResult]):
    question = serializers.CharField(source="text")

    class Meta:
        model = EvaluationResult
        fields = (
            "question",
            "first_rank",
            "recall_at_5",
            "recall_at_10",
            "mrr_at_10",
            "ndcg_at_10",
            "expected",
            "found",
        )


class TrySearchInput(SearchInput):
    rerank = serializers.BooleanField(
        required=False, allow_null=True, default=None, help_text="Null: as the organisation's searches do"
    )


class CandidateOutput(serializers.Serializer[Any]):
    rank = serializers.IntegerField()
    chunk = serializers.UUIDField()
    document = serializers.UUIDField()
    title = serializers.CharField(allow_null=True)
    version = serializers.IntegerField(allow_null=True)
    page = serializers.IntegerField(allow_null=True)
    last_page = serializers.IntegerField(allow_null=True)
    place = serializers.CharField()
    heading = serializers.CharField()
    position = serializers.IntegerField(allow_null=True)
    text = serializers.CharField()
    scores = serializers.DictField(child=serializers.FloatField())
    note = serializers.CharField(help_text="What became of it here, for instance: folded into 2")


class StageOutput(serializers.Serializer[Any]):
    name = serializers.CharField()
    milliseconds = serializers.FloatField(allow_null=True, help_text="Null: it ran inside the stage before it")
    detail = serializers.CharField()
    candidates = CandidateOutput(many=True)


class TraceOutput(serializers.Serializer[Any]):
    question = serializers.CharField()
    milliseconds = serializers.FloatField()
    stages = StageOutput(many=True)


class TryHitOutput(SearchHitOutput):
    position = serializers.IntegerField(help_text="Of its first chunk in the document")
    last_position = serializers.IntegerField(allow_null=True, help_text="Null: it is one chunk")


class TrySearchOutput(serializers.Serializer[Any]):
    results = TryHitOutput(many=True)
    candidates = serializers.IntegerField()
    notices = FailureOutput(many=True)
    trace = TraceOutput()
