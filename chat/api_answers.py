"""REST: what people say of answers, what may be asked next, and golden questions made of good ones."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponseBase
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.selectors import signed_in
from chat import feedback, follow_ups
from chat.actions import gap_keep
from chat.errors import AnswerRunning
from chat.models import Message
from chat.selectors import answer_of, feedback_of
from chat.serializers import (
    FeedbackInput,
    FeedbackOutput,
    FollowUpsOutput,
    GapInput,
    RatedOutput,
    ReportedOutput,
)
from knowledge.serializers_quality import GoldenQuestionOutput
from tenants.selectors import organisation_of
from vena_platform.idempotency import once
from vena_platform.later import Body, LaterResponse
from vena_platform.pagination import NewestFirst, page_of


class FeedbackApi(APIView):
    @extend_schema(operation_id="answers_feedback_put", request=FeedbackInput, responses=FeedbackOutput)
    def put(self, request: Request, answer_id: UUID) -> Response:
        """What you think of an answer of yours; said again, it replaces what was said before."""
        answer = answer_of(signed_in(request), answer_id)
        form = FeedbackInput(data=request.data)
        form.is_valid(raise_exception=True)
        answer.feedback = feedback.feedback_put(answer=answer, **form.validated_data)
        return Response(feedback_of(answer))

    @extend_schema(operation_id="answers_feedback_post", request=FeedbackInput, responses=FeedbackOutput)
    def post(self, request: Request, answer_id: UUID) -> Response:
        """The same as PUT."""
        return self.put(request, answer_id)

    @extend_schema(operation_id="answers_feedback_delete", responses={204: None})
    def delete(self, request: Request, answer_id: UUID) -> Response:
        feedback.feedback_delete(answer=answer_of(signed_in(request), answer_id))
        return Response(status=204)


class AnswerGapApi(APIView):
    @extend_schema(operation_id="answers_report_gap", request=GapInput, responses={201: ReportedOutput})
    def post(self, request: Request, answer_id: UUID) -> Response:
        """Tell the people who keep the documents that something is missing. They see the question, not your name."""
        answer = answer_of(signed_in(request), answer_id)
        form = GapInput(data=request.data)
        form.is_valid(raise_exception=True)
        if answer.status == Message.Status.STREAMING:
            raise AnswerRunning

        def report() -> Response:
            gap_keep(answer.pk, is_reported=True, comment=form.validated_data["comment"])
            return Response({"reported": True}, status=201)

        return once(request, report)


class FollowUpsApi(APIView):
    @extend_schema(operation_id="answers_follow_ups", responses=FollowUpsOutput)
    def get(self, request: Request, answer_id: UUID) -> HttpResponseBase:
        """Questions that may follow, and the conversation's title. Made by a small model when first asked for."""
        answer = answer_of(signed_in(request), answer_id)
        wish = follow_ups.wanted(organisation_of(request._request).key, answer)
        if wish is None:
            return Response(follow_ups.as_stored(answer))

        async def made() -> Body:
            return Body(await follow_ups.made(wish))

        return LaterResponse(made)


class RatedAnswersApi(APIView):
    @extend_schema(
        operation_id="answers_rated",
        parameters=[OpenApiParameter("cursor", str), OpenApiParameter("page_size", int)],
        responses=page_of(RatedOutput),
    )
    def get(self, request: Request) -> Response:
        """For editors: questions whose answer the person who asked found good, with the documents it cites."""
        pages = NewestFirst()
        rows = pages.paginate_queryset(feedback.answers_rated_well(signed_in(request)), request, self)
        return pages.get_paginated_response(feedback.rated_shown(signed_in(request), rows or []))


class AnswerGoldenApi(APIView):
    @extend_schema(operation_id="answers_golden", request=None, responses={201: GoldenQuestionOutput})
    def post(self, request: Request, answer_id: UUID) -> Response:
        """For editors: keep the question and the documents cited, to measure with. Asked again, it is the same one."""
        kept = feedback.golden_from(user=signed_in(request), answer_id=answer_id)
        return Response(GoldenQuestionOutput(kept).data, status=201)
