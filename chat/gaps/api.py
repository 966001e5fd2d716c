from __future__ import annotations

from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.selectors import signed_in
from chat.errors import GapNotFound
from chat.gaps.actions import gap_change, gap_seen
from chat.gaps.selectors import filled_for, gap_visible_to, gaps_shown, gaps_visible_to
from chat.models import KnowledgeGap
from chat.serializers import FilledGapOutput, GapChange, GapOutput
from vena_platform.pagination import NewestFirst, page_of


class GapPages(NewestFirst):
    ordering = ("-updated_at", "-id")


class GapsApi(APIView):
    @extend_schema(
        operation_id="gaps_list",
        parameters=[
            OpenApiParameter("status", str, enum=KnowledgeGap.Status.values),
            OpenApiParameter("cursor", str),
            OpenApiParameter("page_size", int),
        ],
        responses=page_of(GapOutput),
    )
    def get(self, request: Request) -> Response:
        """For editors: what the documents did not answer, by topic, the last asked first."""
        user = signed_in(request)
        pages = GapPages()
        rows = pages.paginate_queryset(gaps_visible_to(user, request.query_params.get("status", "")), request, self)
        return pages.get_paginated_response(gaps_shown(user, rows or []))


class GapApi(APIView):
    @extend_schema(operation_id="gaps_change", request=GapChange, responses=GapOutput)
    def patch(self, request: Request, gap_id: UUID) -> Response:
        """`filled` tells those who asked, with the note, the next time they open the chat."""
        user = signed_in(request)
        gap = gap_visible_to(user, gap_id)
        form = GapChange(data=request.data)
        form.is_valid(raise_exception=True)
        gap_change(gap=gap, **form.validated_data)
        return Response(gaps_shown(user, [gap])[0])


class FilledGapsApi(APIView):
    @extend_schema(operation_id="gaps_filled", responses=FilledGapOutput(many=True))
    def get(self, request: Request) -> Response:
        """Your own questions that the documents answer by now, until you have seen it."""
        return Response(filled_for(signed_in(request)))


class GapSeenApi(APIView):
    @extend_schema(operation_id="gaps_seen", request=None, responses={204: None})
    def post(self, request: Request, gap_id: UUID) -> Response:
        """You have seen that this is answered now."""
        if not gap_seen(user=signed_in(request), gap_id=gap_id):
            raise GapNotFound
        return Response(status=204)
