"""REST: collections, documents and search. A view parses, calls, renders; errors travel to one handler."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from typing import Any
from uuid import UUID

from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, PolymorphicProxySerializer, extend_schema
from rest_framework.parsers import JSONParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.permissions import Can
from accounts.selectors import require, signed_in
from knowledge import actions, selectors
from knowledge.files import original_of
from knowledge.ingestion.context import context_estimate
from knowledge.ingestion.many_uploads import Outcome, expected_changes
from knowledge.ingestion.uploads import Change, document_key
from knowledge.models import Collection, Document
from knowledge.serializers import (
    AddressInput,
    AttemptOutput,
    CollectionChange,
    CollectionInput,
    CollectionOutput,
    DocumentChange,
    DocumentInput,
    DocumentOutput,
    EstimateOutput,
    KnownFilesInput,
    KnownFilesOutput,
    ManyDocumentsInput,
    ManyUploadsOutput,
    ReindexInput,
    ReindexOutput,
    SectionOutput,
    UploadOutput,
    VersionOutput,
)
from knowledge.types import Library
from tenants.selectors import organisation_of
from vena_platform.errors import VenaError
from vena_platform.idempotency import once
from vena_platform.pagination import NewestFirst, page_of

ACCESS = frozenset({"access", "readers", "writers"})
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
        if form.validated_data.keys() & ACCESS:
            require(signed_in(request), Can.MANAGE_ACCESS)

        def create() -> Response:
            collection = actions.collection_create(**form.validated_data)
            return Response(CollectionOutput(collection).data, status=201)

        return once(request, create)


class CollectionApi(APIView):
    @extend_schema(operation_id="collections_retrieve", responses=CollectionOutput)
    def get(self, request: Request, collection_id: UUID) -> Response:
        return Response(CollectionOutput(selectors.collection_shown_to(signed_in(request), collection_id)).data)

    @extend_schema(request=CollectionChange, responses=CollectionOutput)
    def patch(self, request: Request, collection_id: UUID) -> Response:
        """Who may read and write it may also be changed by an admin who may not read it."""
        form = CollectionChange(data=request.data)
        user = signed_in(request)
        require(user, Can.EDIT_DOCUMENTS)
        form.is_valid(raise_exception=True)
        changes, access = parted(form.validated_data, ACCESS)
        if access:
            collection = selectors.collection_governed_by(user, collection_id)
        if changes or not access:
            collection = selectors.collection_editable_by(user, collection_id)
        actions.collection_change(collection=collection, **changes)
        actions.collection_open_to(collection=collection, **access)
        changed = selectors.counted(Collection.objects.filter(pk=collection_id)).get()
        return Response(CollectionOutput(changed).data)


def parted(values: dict[str, Any], names: Set[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The values of other names, and those of these."""
    named = {name: value for name, value in values.items() if name in names}
    return {name: value for name, value in values.items() if name not in names}, named


class CollectionContextApi(APIView):
    @extend_schema(operation_id="collections_context_estimate", responses=EstimateOutput)
    def get(self, request: Request, collection_id: UUID) -> Response:
        """What a sentence of context for every passage would cost, before it is switched on."""
        collection = selectors.collection_editable_by(signed_in(request), collection_id)
        return Response(EstimateOutput(context_estimate(collection)).data)


class DocumentsApi(APIView):
    parser_classes = [MultiPartParser, JSONParser]

    @extend_schema(
        operation_id="documents_list",
        parameters=[
            OpenApiParameter("collection", UUID),
            OpenApiParameter("state", str, description="One state, or several with commas between them"),
            OpenApiParameter("parent", str, description="The files inside this document; none: no files inside others"),
            OpenApiParameter("external_id", str),
            OpenApiParameter("q", str, description="In title or file name"),
            *PAGING,
        ],
        responses=page_of(DocumentOutput),
    )
    def get(self, request: Request) -> Response:
        rows = selectors.documents_matching(signed_in(request), request.query_params)
        pages = NewestFirst()
        page = pages.paginate_queryset(rows, request, self)
        return pages.get_paginated_response(documents_shown(page or []))

    @extend_schema(
        request={
            "multipart/form-data": PolymorphicProxySerializer(
                "DocumentUpload", [DocumentInput, ManyDocumentsInput], resource_type_field_name=None
            ),
            "application/json": AddressInput,
        },
        responses=dict.fromkeys(
            (200, 202),
            PolymorphicProxySerializer(
                "Uploaded", [UploadOutput, ManyUploadsOutput], resource_type_field_name=None, many=False
            ),
        ),
    )
    def post(self, request: Request) -> Response:
        """Add a file as a form, or the address of a page or sitemap as JSON. The same file name or external id again
        makes a new version; the same bytes again change nothing (200). The same address again is fetched again, and is
        a new version if it has changed. With `files`, repeated, up to 100 files come in at once: the answer has a
        result for each, and one that is refused keeps none of the others out."""
        is_address = request.content_type.startswith("application/json")
        if not is_address and "files" in request.data and "file" not in request.data:
            return self.post_many(request)
        form = (AddressInput if is_address else DocumentInput)(data=request.data)
        form.is_valid(raise_exception=True)
        wanted = dict(form.validated_data)
        collection = selectors.collection_editable_by(signed_in(request), wanted.pop("collection"))

        def upload() -> Response:
            document, change = taken_in(request, collection, wanted)
            body = {**document_shown(document), "change": change}
            return Response(body, status=200 if change is Change.UNCHANGED else 202)

        return once(request, upload)

    def post_many(self, request: Request) -> Response:
        form = ManyDocumentsInput(data=request.data)
        form.is_valid(raise_exception=True)
        wanted = dict(form.validated_data)
        collection = selectors.collection_editable_by(signed_in(request), wanted.pop("collection"))

        def upload() -> Response:
            outcomes = actions.documents_take_in(
                schema_name=schema_of(request), collection=collection, uploaded_by=signed_in(request), **wanted
            )
            names = [file.name for file in wanted["files"]]
            is_still = all(not isinstance(one, VenaError) and one[1] is Change.UNCHANGED for one in outcomes)
            return Response({"results": outcomes_shown(names, outcomes)}, status=200 if is_still else 202)

        return once(request, upload)


class KnownFilesApi(APIView):
    parser_classes = [JSONParser]

    @extend_schema(operation_id="documents_known", request=KnownFilesInput, responses=KnownFilesOutput)
    def post(self, request: Request) -> Response:
        """Which of up to 1,000 files would change anything, by their hashes: the others need not be sent. Changes
        nothing."""
        form = KnownFilesInput(data=request.data)
        form.is_valid(raise_exception=True)
        wanted = form.validated_data
        collection = selectors.collection_editable_by(signed_in(request), wanted["collection"])
        files = [
            (document_key(name=one["name"], external_id=one["external_id"]), one["sha256"]) for one in wanted["files"]
        ]
        changes = expected_changes(collection, files)
        return Response({"results": [{"change": change, "document": document} for document, change in changes]})


def outcomes_shown(names: Sequence[str], outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    shown = iter(documents_shown([one[0] for one in outcomes if not isinstance(one, VenaError)]))
    return [
        {"file_name": name, "change": "refused", "failure": {"code": one.code, "detail": one.text}}
        if isinstance(one, VenaError)
        else {**next(shown), "change": one[1]}
        for name, one in zip(names, outcomes, strict=True)
    ]


def taken_in(request: Request, collection: Collection, wanted: dict[str, Any]) -> tuple[Document, Change]:
    common: dict[str, Any] = {
        "schema_name": schema_of(request),
        "collection": collection,
        "uploaded_by": signed_in(request),
        "title": wanted["title"],
        "tags": wanted.get("tags"),
        "dated": wanted.get("dated"),
    }
    if "url" in wanted:
        page = {"url": wanted["url"], "is_sitemap": wanted["sitemap"], "max_pages": wanted.get("max_pages")}
        return actions.document_add_url(**page, **common)
    return actions.document_take_in(file=wanted["file"], external_id=wanted["external_id"], **common)


def document_shown(document: Document) -> Any:
    places = selectors.place_in_line(document) if document.state == Document.State.QUEUED else {}
    holds_files = any(version and version.part_count for version in (document.current, document.newest))
    parts = selectors.states_of_parts([document]) if holds_files else {}
    return DocumentOutput(document, context={"places": places, "parts": parts}).data


def documents_shown(documents: Sequence[Document]) -> Any:
    queued = any(document.state == Document.State.QUEUED for document in documents)
    places = selectors.places_in_line() if queued else {}
    parts = selectors.states_of_parts(documents)
    return DocumentOutput(documents, many=True, context={"places": places, "parts": parts}).data


class DocumentApi(APIView):
    @extend_schema(operation_id="documents_retrieve", responses=DocumentOutput)
    def get(self, request: Request, document_id: UUID) -> Response:
        return Response(document_shown(selectors.document_visible_to(signed_in(request), document_id)))

    @extend_schema(request=DocumentChange, responses=DocumentOutput)
    def patch(self, request: Request, document_id: UUID) -> Response:
        document = selectors.document_editable_by(signed_in(request), document_id)
        form = DocumentChange(data=request.data)
        form.is_valid(raise_exception=True)
        changes = dict(form.validated_data)
        if "collection" in changes:
            changes["collection"] = selectors.collection_editable_by(signed_in(request), changes["collection"])
        changed = actions.document_change(schema_name=schema_of(request), document=document, **changes)
        return Response(document_shown(changed))

    @extend_schema(responses={202: None})
    def delete(self, request: Request, document_id: UUID) -> Response:
        document = selectors.document_editable_by(signed_in(request), document_id)
        actions.document_delete(schema_name=schema_of(request), document=document)
        return Response(status=202)


class DocumentActionApi(APIView):
    """What the buttons of a document do: each answers with the document as it stands afterwards."""

    change: Callable[..., Document]

    @extend_schema(request=None, responses={202: DocumentOutput})
    def post(self, request: Request, document_id: UUID) -> Response:
        document = selectors.document_editable_by(signed_in(request), document_id)
        changed = type(self).change(schema_name=schema_of(request), document=document)
        return Response(document_shown(changed), status=202)


class DocumentRetryApi(DocumentActionApi):
    """Goes on at the stage that failed."""

    change = staticmethod(actions.document_retry)


class DocumentCancelApi(DocumentActionApi):
    """Stops taking the document in; an earlier version goes on answering."""

    change = staticmethod(actions.document_cancel)


class DocumentReindexApi(DocumentActionApi):
    """Reads the stored file again, with today's settings, as a new version."""

    change = staticmethod(actions.document_reindex)


class DocumentRefetchApi(DocumentActionApi):
    """Fetches the page again, or the sitemap and all its pages: a new version if it has changed."""

    change = staticmethod(actions.document_refetch)


class DocumentsReindexApi(APIView):
    @extend_schema(operation_id="documents_reindex_many", request=ReindexInput, responses={202: ReindexOutput})
    def post(self, request: Request) -> Response:
        """Read again what was read with other settings than the collection has now. `dry_run` only counts."""
        form = ReindexInput(data=request.data)
        form.is_valid(raise_exception=True)
        collection = selectors.collection_editable_by(signed_in(request), form.validated_data["collection"])
        is_dry = form.validated_data["dry_run"]
        if is_dry:
            count = selectors.documents_with_another_recipe(collection).count()
        else:
            count = actions.documents_reindex(schema_name=schema_of(request), collection=collection)
        cost = context_estimate(collection).cost_gbp if collection.is_contextual else None
        body = {"documents": count, "started": not is_dry, "context_cost_gbp": cost}
        return Response(ReindexOutput(body).data, status=200 if is_dry else 202)


class DocumentVersionsApi(APIView):
    @extend_schema(operation_id="documents_versions", responses=VersionOutput(many=True))
    def get(self, request: Request, document_id: UUID) -> Response:
        document = selectors.document_visible_to(signed_in(request), document_id)
        return Response(VersionOutput(selectors.versions_of(document), many=True).data)


class DocumentRestoreApi(APIView):
    @extend_schema(request=None, responses={202: DocumentOutput})
    def post(self, request: Request, document_id: UUID, number: int) -> Response:
        """Let this version answer again."""
        document = selectors.document_editable_by(signed_in(request), document_id)
        version = selectors.version_of(document, number)
        restored = actions.version_restore(schema_name=schema_of(request), document=document, version=version)
        return Response(document_shown(restored), status=202)


class DocumentAttemptsApi(APIView):
    @extend_schema(operation_id="documents_attempts", responses=AttemptOutput(many=True))
    def get(self, request: Request, document_id: UUID) -> Response:
        """Every try at the document, newest first, with the seconds each stage took."""
        document = selectors.document_visible_to(signed_in(request), document_id)
        rows = document.ingestion_attempts.select_related("version")[:100]
        return Response(AttemptOutput(rows, many=True).data)


class DocumentSectionApi(APIView):
    @extend_schema(
        operation_id="documents_section", parameters=[OpenApiParameter("version", int)], responses=SectionOutput
    )
    def get(self, request: Request, document_id: UUID, section: int) -> Response:
        """The whole section a passage stands in."""
        document = selectors.document_visible_to(signed_in(request), document_id)
        version = selectors.version_of(document, whole(request.query_params.get("version")))
        return Response(SectionOutput(selectors.section_of(version, section)).data)


class DocumentContentApi(APIView):
    @extend_schema(
        parameters=[OpenApiParameter("version", int)],
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, document_id: UUID) -> HttpResponseBase:
        """The original file, of the version that answers or of the one that is asked for."""
        document = selectors.document_visible_to(signed_in(request), document_id)
        version = selectors.version_of(document, whole(request.query_params.get("version")))
        return original_of(version, download=True)


def library_for(request: Request) -> Library:
    return selectors.library_of(organisation_of(request._request))


def whole(text: str | None) -> int | None:
    """A version number from a query string; nonsense is no version at all."""
    if text is None:
        return None
    return int(text) if text.isdecimal() and len(text) < 9 else 0


def schema_of(request: Request) -> str:
    return str(organisation_of(request._request).schema_name)
