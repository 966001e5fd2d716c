"""REST: collections, documents and search. A view parses, calls, renders; errors travel to one handler."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import FileResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.parsers import JSONParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.permissions import Can
from accounts.selectors import require, signed_in
from knowledge import actions, selectors
from knowledge.errors import CollectionNotFound
from knowledge.files import original_of
from knowledge.providers.loops import run_in_loop
from knowledge.retrieval.scope import scope_of
from knowledge.retrieval.search import retrieve
from knowledge.retrieval.usage import record_search
from knowledge.serializers import (
    CollectionInput,
    CollectionOutput,
    DocumentInput,
    DocumentOutput,
    SearchInput,
    SearchOutput,
)
from knowledge.types import Asker, Passage
from tenants.selectors import organisation_of
from vena_platform.idempotency import once
from vena_platform.pagination import NewestFirst, page_of

PAGING = [OpenApiParameter("cursor", str), OpenApiParameter("page_size", int)]


class CollectionsApi(APIView):
    @extend_schema(operation_id="collections_list", parameters=PAGING, responses=page_of(CollectionOutput))
    def get(self, request: Request) -> Response:
        pages = NewestFirst()
        rows = pages.paginate_queryset(selectors.collections_visible_to(signed_in(request)), request, self)
        return pages.get_paginated_response(CollectionOutput(rows, many=True).data)

    @extend_schema(request=CollectionInput, responses={201: CollectionOutput})
    def post(self, request: Request) -> Response:
        require(signed_in(request), Can.EDIT_DOCUMENTS)
        form = CollectionInput(data=request.data)
        form.is_valid(raise_exception=True)

        def create() -> Response:
            collection = actions.collection_create(**form.validated_data)
            return Response(CollectionOutput(collection).data, status=201)

        return once(request, create)


class CollectionApi(APIView):
    @extend_schema(operation_id="collections_retrieve", responses=CollectionOutput)
    def get(self, request: Request, collection_id: UUID) -> Response:
        return Response(CollectionOutput(selectors.collection_visible_to(signed_in(request), collection_id)).data)


class DocumentsApi(APIView):
    parser_classes = [MultiPartParser]

    @extend_schema(
        operation_id="documents_list",
        parameters=[OpenApiParameter("collection", UUID), OpenApiParameter("state", str), *PAGING],
        responses=page_of(DocumentOutput),
    )
    def get(self, request: Request) -> Response:
        rows = selectors.documents_visible_to(signed_in(request))
        if collection := request.query_params.get("collection"):
            rows = rows.filter(collection=selectors.collection_visible_to(signed_in(request), as_uuid(collection)))
        if state := request.query_params.get("state"):
            rows = rows.filter(state=state)
        pages = NewestFirst()
        page = pages.paginate_queryset(rows, request, self)
        return pages.get_paginated_response(DocumentOutput(page, many=True).data)

    @extend_schema(request=DocumentInput, responses={202: DocumentOutput})
    def post(self, request: Request) -> Response:
        form = DocumentInput(data=request.data)
        form.is_valid(raise_exception=True)
        collection = selectors.collection_editable_by(signed_in(request), form.validated_data["collection"])

        def upload() -> Response:
            document = actions.document_upload(
                schema_name=schema_of(request),
                collection=collection,
                uploaded_by=signed_in(request),
                file=form.validated_data["file"],
            )
            return Response(DocumentOutput(document).data, status=202)

        return once(request, upload)


class DocumentApi(APIView):
    @extend_schema(operation_id="documents_retrieve", responses=DocumentOutput)
    def get(self, request: Request, document_id: UUID) -> Response:
        return Response(DocumentOutput(selectors.document_visible_to(signed_in(request), document_id)).data)

    @extend_schema(responses={202: None})
    def delete(self, request: Request, document_id: UUID) -> Response:
        document = selectors.document_editable_by(signed_in(request), document_id)
        actions.document_delete(schema_name=schema_of(request), document=document)
        return Response(status=202)


class DocumentRetryApi(APIView):
    @extend_schema(request=None, responses={202: DocumentOutput})
    def post(self, request: Request, document_id: UUID) -> Response:
        document = selectors.document_editable_by(signed_in(request), document_id)
        document = actions.document_retry(schema_name=schema_of(request), document=document)
        return Response(DocumentOutput(document).data, status=202)


class DocumentContentApi(APIView):
    @extend_schema(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
    def get(self, request: Request, document_id: UUID) -> FileResponse:
        """The original file."""
        return original_of(selectors.document_visible_to(signed_in(request), document_id), download=True)


class SearchApi(APIView):
    parser_classes = [JSONParser]

    @extend_schema(request=SearchInput, responses=SearchOutput)
    def post(self, request: Request) -> Response:
        form = SearchInput(data=request.data)
        form.is_valid(raise_exception=True)
        wanted = form.validated_data
        library = selectors.library_of(organisation_of(request._request))
        scope = scope_of(signed_in(request), wanted["collections"])
        found = run_in_loop(retrieve(library, wanted["query"], scope, limit=wanted["limit"]))
        record_search(library, Asker(id=signed_in(request).pk, label=signed_in(request).email), found)
        return Response(
            {
                "results": [hit(passage) for passage in found.passages],
                "candidates": found.candidates,
                "notices": [{"code": note.code, "detail": note.detail} for note in found.notes],
            }
        )


def hit(passage: Passage) -> dict[str, Any]:
    return {
        "n": passage.n,
        "document": str(passage.document_id),
        "title": passage.title,
        "page": passage.page,
        "heading": " › ".join(passage.heading_path),
        "text": passage.text,
        "score": round(passage.score, 4),
        "similarity": round(passage.similarity, 4),
        "url": f"/documents/{passage.document_id}/?chunk={passage.position}",
    }


def schema_of(request: Request) -> str:
    return str(organisation_of(request._request).schema_name)


def as_uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise CollectionNotFound from None
