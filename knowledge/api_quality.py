"""REST: golden questions, measurements, and searches that show their stages."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.parsers import JSONParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.permissions import Can
from accounts.selectors import require, signed_in
from knowledge.api import PAGING
from knowledge.api_search import hit
from knowledge.evaluation import actions, golden
from knowledge.evaluation.csv_files import MAX_BYTES, read_sheet
from knowledge.evaluation.errors import CsvTooLarge
from knowledge.evaluation.matching import Target
from knowledge.providers.loops import run_in_loop
from knowledge.retrieval.scope import scope_of
from knowledge.retrieval.search import retrieve_traced
from knowledge.retrieval.usage import search_account
from knowledge.selectors import asker_of, library_of
from knowledge.serializers_quality import (
    EvaluationInput,
    EvaluationOutput,
    EvaluationResultOutput,
    GoldenImportInput,
    GoldenImportOutput,
    GoldenQuestionInput,
    GoldenQuestionOutput,
    StarterOutput,
    SuggestedDocumentOutput,
    TrySearchInput,
    TrySearchOutput,
)
from tenants.selectors import organisation_of
from vena_platform.idempotency import once
from vena_platform.pagination import NewestFirst, page_of

STARTERS = 10
MOST_STARTERS = 30


class GoldenQuestionsApi(APIView):
    @extend_schema(operation_id="golden_questions_list", parameters=PAGING, responses=page_of(GoldenQuestionOutput))
    def get(self, request: Request) -> Response:
        pages = NewestFirst()
        rows = pages.paginate_queryset(golden.golden_questions(signed_in(request)), request, self)
        return pages.get_paginated_response(GoldenQuestionOutput(rows, many=True).data)

    @extend_schema(request=GoldenQuestionInput, responses={201: GoldenQuestionOutput})
    def post(self, request: Request) -> Response:
        require(signed_in(request), Can.EDIT_DOCUMENTS)
        text, targets = golden_input(request)

        def add() -> Response:
            row = golden.golden_question_add(user=signed_in(request), text=text, targets=targets)
            return Response(GoldenQuestionOutput(row).data, status=201)

        return once(request, add)


class GoldenQuestionApi(APIView):
    @extend_schema(operation_id="golden_questions_retrieve", responses=GoldenQuestionOutput)
    def get(self, request: Request, question_id: UUID) -> Response:
        return Response(GoldenQuestionOutput(golden.golden_question(signed_in(request), question_id)).data)

    @extend_schema(request=GoldenQuestionInput, responses=GoldenQuestionOutput)
    def put(self, request: Request, question_id: UUID) -> Response:
        row = golden.golden_question(signed_in(request), question_id)
        text, targets = golden_input(request)
        golden.golden_question_change(user=signed_in(request), question=row, text=text, targets=targets)
        return Response(GoldenQuestionOutput(golden.golden_question(signed_in(request), question_id)).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, question_id: UUID) -> Response:
        row = golden.golden_question(signed_in(request), question_id)
        golden.golden_question_delete(user=signed_in(request), question=row)
        return Response(status=204)


def golden_input(request: Request) -> tuple[str, list[Target]]:
    form = GoldenQuestionInput(data=request.data)
    form.is_valid(raise_exception=True)
    wanted = form.validated_data
    return wanted["question"], [Target(one["document"], one["quote"]) for one in wanted["targets"]]


class GoldenImportApi(APIView):
    parser_classes = [MultiPartParser]

    @extend_schema(request=GoldenImportInput, responses=GoldenImportOutput)
    def post(self, request: Request) -> Response:
        """CSV with the columns question, document (title, file name, external id or id) and quote.

        Good lines are kept whatever else is in the file. A question that is there already gets what the file says.
        """
        require(signed_in(request), Can.EDIT_DOCUMENTS)
        form = GoldenImportInput(data=request.data)
        form.is_valid(raise_exception=True)
        file = form.validated_data["file"]
        if file.size > MAX_BYTES:
            raise CsvTooLarge
        found = golden.golden_import(user=signed_in(request), sheet=read_sheet(file.read()))
        return Response(GoldenImportOutput(found).data)


class GoldenExportApi(APIView):
    @extend_schema(responses={(200, "text/csv"): OpenApiTypes.BINARY})
    def get(self, request: Request) -> HttpResponse:
        """The same columns that an import takes."""
        data = golden.golden_export(signed_in(request))
        name = f"golden-questions-{timezone.localdate():%Y-%m-%d}.csv"
        return HttpResponse(
            data,
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )


class GoldenDocumentsApi(APIView):
    @extend_schema(
        operation_id="golden_questions_documents",
        parameters=[OpenApiParameter("q", str, description="Words of the title or the file's name")],
        responses=SuggestedDocumentOutput(many=True),
    )
    def get(self, request: Request) -> Response:
        """A few documents to pick from while somebody types."""
        require(signed_in(request), Can.EDIT_DOCUMENTS)
        rows = golden.documents_like(signed_in(request), request.query_params.get("q", "")[:200])
        return Response(SuggestedDocumentOutput(rows, many=True).data)


class GoldenStartersApi(APIView):
    @extend_schema(
        operation_id="golden_questions_starters",
        parameters=[OpenApiParameter("count", int)],
        responses=StarterOutput(many=True),
    )
    def get(self, request: Request) -> Response:
        """Passages drawn by lot, to ask a question about each."""
        require(signed_in(request), Can.EDIT_DOCUMENTS)
        asked_for = request.query_params.get("count", "")
        wanted = int(asked_for) if asked_for.isdecimal() and len(asked_for) < 4 else STARTERS
        rows = golden.starters(signed_in(request), max(1, min(wanted, MOST_STARTERS)))
        return Response(StarterOutput(rows, many=True).data)


class EvaluationsApi(APIView):
    @extend_schema(operation_id="evaluations_list", parameters=PAGING, responses=page_of(EvaluationOutput))
    def get(self, request: Request) -> Response:
        pages = NewestFirst()
        rows = pages.paginate_queryset(actions.runs_visible_to(signed_in(request)), request, self)
        return pages.get_paginated_response(EvaluationOutput(rows, many=True).data)

    @extend_schema(request=EvaluationInput, responses={202: EvaluationOutput})
    def post(self, request: Request) -> Response:
        """Measure now. While a measurement is under way the answer is that one."""
        form = EvaluationInput(data=request.data)
        form.is_valid(raise_exception=True)
        library = library_of(organisation_of(request._request))

        def start() -> Response:
            run = actions.evaluation_start(user=signed_in(request), library=library, label=form.validated_data["label"])
            run.refresh_from_db()
            return Response(EvaluationOutput(run).data, status=202)

        return once(request, start)


class EvaluationApi(APIView):
    @extend_schema(operation_id="evaluations_retrieve", responses=EvaluationOutput)
    def get(self, request: Request, run_id: UUID) -> Response:
        return Response(EvaluationOutput(actions.run_visible_to(signed_in(request), run_id)).data)


class EvaluationResultsApi(APIView):
    @extend_schema(operation_id="evaluations_results", responses=EvaluationResultOutput(many=True))
    def get(self, request: Request, run_id: UUID) -> Response:
        """Every question of the measurement, the worst first."""
        run = actions.run_visible_to(signed_in(request), run_id)
        rows = actions.results_visible_to(signed_in(request), run)
        return Response(EvaluationResultOutput(rows, many=True).data)


class TrySearchApi(APIView):
    parser_classes = [JSONParser]

    @extend_schema(request=TrySearchInput, responses=TrySearchOutput)
    def post(self, request: Request) -> Response:
        """A search with each stage's candidates, scores and milliseconds."""
        form = TrySearchInput(data=request.data)
        form.is_valid(raise_exception=True)
        return Response(explained(request, form.validated_data))


def explained(request: Request, wanted: dict[str, Any]) -> dict[str, Any]:
    """`wanted` is validated input of `TrySearchInput`, or of `SearchInput`, which leaves reranking as it is."""
    user = signed_in(request)
    library = library_of(organisation_of(request._request))
    scope = scope_of(
        user,
        wanted["collections"],
        document_ids=wanted["documents"],
        tags=wanted["tags"],
        since=wanted["since"],
        until=wanted["until"],
    )
    with search_account(library, asker_of(user), wanted["query"]) as calls:
        found, trace = run_in_loop(
            retrieve_traced(
                library, wanted["query"], scope, limit=wanted["limit"], rerank=wanted.get("rerank"), calls=calls
            )
        )
        calls.led_to(found)
    return {
        "results": [
            {**hit(passage), "position": passage.position, "last_position": passage.last_position}
            for passage in found.passages
        ],
        "candidates": found.candidates,
        "notices": [{"code": note.code, "detail": note.detail} for note in found.notes],
        "trace": trace.as_dict(),
    }
