"""REST: conversations and their messages. A view parses, calls, renders; waiting is left to the event loop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4, uuid5

from django.http import HttpResponse, HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.audit.actions import audit
from accounts.audit.registry import Action
from accounts.models import User
from accounts.selectors import signed_in
from chat import protocol
from chat.actions import Accepted, question_accept
from chat.asking import Follower, admit, begin, event_stream
from chat.conversations import conversation_change, conversation_delete
from chat.errors import MessageNotFound
from chat.exporting import file_name, markdown
from chat.models import Conversation
from chat.pages import ConversationPages
from chat.protocol import Ask
from chat.searching import conversations_with, snippets, words_of
from chat.selectors import (
    answer_of,
    conversation_for_page,
    conversation_of,
    message_for_page,
    messages_for_page,
    path_to,
    siblings_of,
)
from chat.serializers import (
    AnswerOutput,
    ConversationChange,
    ConversationDetailOutput,
    ConversationOutput,
    MessagesOutput,
    QuestionInput,
)
from tenants.context import in_tenant
from tenants.selectors import organisation_of
from vena_platform.idempotency import given_key
from vena_platform.later import Body, EventStream, LaterResponse
from vena_platform.limits import spend
from vena_platform.pagination import page_of
from vena_platform.rendering import EventsOrJson

PAGING = [OpenApiParameter("cursor", str), OpenApiParameter("page_size", int)]
MESSAGES = 50
MOST_MESSAGES = 200
ANSWER_KEYS = UUID("6f0d6b6e-2f0a-4c53-8a0e-0f6f5a5d9a11")  # any constant: where ids made of Idempotency-Keys live
ASKING = {(200, "application/json"): AnswerOutput, (200, "text/event-stream"): OpenApiTypes.STR}
RESUMING = OpenApiParameter(
    "Last-Event-ID", int, OpenApiParameter.HEADER, description="Events: what came after this one is sent"
)
ONCE = OpenApiParameter("Idempotency-Key", str, OpenApiParameter.HEADER, description="The same key asks once")


# -- conversations ----------------------------------------------------------------------------------


class ConversationsApi(APIView):
    renderer_classes = EventsOrJson

    @extend_schema(
        operation_id="conversations_list",
        parameters=[
            OpenApiParameter("q", str, description="Words of a message or the title; the last one may be unfinished"),
            OpenApiParameter("archived", bool),
            *PAGING,
        ],
        responses={(200, "application/json"): page_of(ConversationOutput)},
    )
    def get(self, request: Request) -> Response:
        """Your own, the last used first; those you pinned stand at the top of the first page."""
        user, words = signed_in(request), words_of(request.query_params.get("q", "")[:200])
        is_archived = request.query_params.get("archived", "") in {"true", "1"}
        rows = conversations_with(user, words) if words else Conversation.objects.filter(member=user)
        pages = ConversationPages()
        page = pages.both(rows.filter(archived_at__isnull=not is_archived), request, self)
        return pages.get_paginated_response(conversations_shown(user, page, words))

    @extend_schema(
        operation_id="conversations_start", parameters=[ONCE, RESUMING], request=QuestionInput, responses=ASKING
    )
    def post(self, request: Request) -> HttpResponseBase:
        """Ask the first question of a new conversation."""
        return asked(request, None)


def conversations_shown(user: User, rows: Sequence[Conversation], words: list[str]) -> list[dict[str, Any]]:
    found = snippets(user, rows, words) if words and rows else {}
    extra = [{"snippet": found.get(row.pk, "")} if words else {} for row in rows]
    return [{**conversation_shown(row), **more} for row, more in zip(rows, extra, strict=True)]


def conversation_shown(row: Conversation) -> dict[str, Any]:
    return {
        "id": row.pk,
        "title": row.title,
        "is_pinned": row.pinned_at is not None,
        "is_archived": row.archived_at is not None,
        "is_shared": row.shared_at is not None,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }


class ConversationApi(APIView):
    @extend_schema(operation_id="conversations_retrieve", responses=ConversationDetailOutput)
    def get(self, request: Request, conversation_id: UUID) -> Response:
        """The open branch, oldest message first."""
        return Response(in_full(request, conversation_of(signed_in(request), conversation_id)))

    @extend_schema(request=ConversationChange, responses=ConversationDetailOutput)
    def patch(self, request: Request, conversation_id: UUID) -> Response:
        """Rename, pin, archive, share, or open another branch."""
        conversation = conversation_of(signed_in(request), conversation_id)
        form = ConversationChange(data=request.data)
        form.is_valid(raise_exception=True)
        changed = conversation_change(conversation=conversation, **form.validated_data)
        return Response(in_full(request, changed))

    @extend_schema(responses={204: None})
    def delete(self, request: Request, conversation_id: UUID) -> Response:
        """With all its messages. What was spent on it stays in the usage report."""
        conversation = conversation_of(signed_in(request), conversation_id)
        conversation_delete(tenant=organisation_of(request._request).key, conversation=conversation)
        return Response(status=204)


def in_full(request: Request, row: Conversation) -> dict[str, Any]:
    address = request.build_absolute_uri(f"/c/{row.pk}/shared/") if row.shared_at else None
    return {
        **conversation_shown(row),
        **conversation_for_page(row),
        "share_url": address,
    }


class ConversationExportApi(APIView):
    @extend_schema(
        operation_id="conversations_export",
        parameters=[OpenApiParameter("format", str, enum=["md", "json"])],
        responses={(200, "text/markdown"): OpenApiTypes.STR, (200, "application/json"): OpenApiTypes.OBJECT},
    )
    def get(self, request: Request, conversation_id: UUID) -> HttpResponse:
        """A file: the open branch as Markdown with the sources as footnotes, or every branch as JSON."""
        row = conversation_of(signed_in(request), conversation_id)
        spend("download", person=signed_in(request).pk)
        wants_json = request.query_params.get("format") == "json"
        audit(
            Action.CONVERSATION_EXPORTED, target_id=str(row.pk), detail={"format": "json" if wants_json else "markdown"}
        )
        if wants_json:
            return self.as_json(row)
        shown = conversation_for_page(row)["messages"]
        text = markdown(row.title, shown, request.build_absolute_uri("/").rstrip("/"))
        return download(text.encode(), "text/markdown; charset=utf-8", file_name(row.title, "md"))

    def as_json(self, row: Conversation) -> HttpResponse:
        every = {str(message.pk): message for message in row.messages.all()}
        shown = messages_for_page(row, [message.pk for message in every.values()])
        messages = [
            {
                **one,
                "reply_to": every[one["id"]].reply_to_id,
                "after": every[one["id"]].after_id,
            }
            for one in shown
        ]
        data = {**conversation_shown(row), "leaf": row.leaf_id, "messages": messages}
        return download(protocol.encoded(data).encode(), "application/json", file_name(row.title, "json"))

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """`format` names the file's format here, not DRF's renderer."""
        return self.get_renderers()[0], "application/json"


def download(content: bytes, media_type: str, name: str) -> HttpResponse:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "X-Content-Type-Options": "nosniff"}
    return HttpResponse(content, content_type=media_type, headers=headers)


# -- messages ---------------------------------------------------------------------------------------


class MessagesApi(APIView):
    renderer_classes = EventsOrJson

    @extend_schema(
        operation_id="messages_list",
        parameters=[
            OpenApiParameter("before", UUID, description="A message: those before it"),
            OpenApiParameter("limit", int),
        ],
        responses={(200, "application/json"): MessagesOutput},
    )
    def get(self, request: Request, conversation_id: UUID) -> Response:
        """Messages of the open branch, from its end backwards."""
        row = conversation_of(signed_in(request), conversation_id)
        path = path_to(row, row.leaf_id)
        if before := request.query_params.get("before"):
            path = path[: place_in(path, before)]
        wanted = path[-limit_of(request.query_params.get("limit", "")) :]
        return Response({"messages": messages_for_page(row, wanted), "has_more": len(wanted) < len(path)})

    @extend_schema(operation_id="messages_ask", parameters=[ONCE, RESUMING], request=QuestionInput, responses=ASKING)
    def post(self, request: Request, conversation_id: UUID) -> HttpResponseBase:
        """Ask, and wait for the answer: as JSON, or as events when the Accept header asks for `text/event-stream`.

        The answer is written to its end whether or not anybody waits. The same `client_id` or `Idempotency-Key` gets
        the same answer, with `Last-Event-ID` from there on.
        """
        return asked(request, conversation_of(signed_in(request), conversation_id))


class AnswerApi(APIView):
    renderer_classes = EventsOrJson

    @extend_schema(operation_id="answers_retrieve", parameters=[RESUMING], responses=ASKING)
    def get(self, request: Request, answer_id: UUID) -> HttpResponseBase:
        """An answer as it stands; or, as events, what is still to come of it."""
        answer = answer_of(signed_in(request), answer_id)
        if wants_events(request):
            follower = Follower(organisation_of(request._request).key, signed_in(request), answer.pk)
            return EventStream(event_stream(follower, None, last_event(request)))
        return Response(answer_shown(signed_in(request), answer.pk).data)


def place_in(path: list[UUID], message: str) -> int:
    places = {str(one): place for place, one in enumerate(path)}
    if message not in places:
        raise MessageNotFound
    return places[message]


def limit_of(text: str) -> int:
    return max(1, min(int(text), MOST_MESSAGES)) if text.isdecimal() and len(text) < 5 else MESSAGES


def asked(request: Request, conversation: Conversation | None) -> HttpResponseBase:
    """Whatever is wrong is said before anything is stored; from then on the answer runs."""
    form = QuestionInput(data=request.data)
    form.is_valid(raise_exception=True)
    organisation, user = organisation_of(request._request), signed_in(request)
    ask = question_of_form(request, form.validated_data, conversation)
    admit()
    accepted = question_accept(organisation_id=organisation.pk, user_id=user.pk, ask=ask)
    begin(accepted)
    follower = Follower(organisation.key, user, accepted.answer_id)
    response: HttpResponseBase
    if wants_events(request):
        response = EventStream(event_stream(follower, accepted_frame(accepted), last_event(request)))
    else:
        response = LaterResponse(lambda: whole_answer(follower))
    if accepted.question is None:
        response["Idempotency-Replayed"] = "true"
    return response


def question_of_form(request: Request, wanted: dict[str, Any], conversation: Conversation | None) -> Ask:
    text = protocol.question_text({"text": wanted["text"]})
    collections = wanted["collections"]
    return Ask(
        client_id=wanted["client_id"] or id_of_key(request) or uuid4(),
        text=text,
        conversation=conversation.pk if conversation else None,
        collections=None if collections is None else tuple(collections),
    )


def id_of_key(request: Request) -> UUID | None:
    """An `Idempotency-Key` as a client id: of this person and address, kept as long as the question is."""
    key = given_key(request)
    return uuid5(ANSWER_KEYS, f"{signed_in(request).pk}\n{request.path}\n{key}") if key else None


def accepted_frame(accepted: Accepted) -> protocol.Frame:
    return protocol.accepted(
        client_id=accepted.client_id,
        conversation=accepted.conversation_id,
        question=accepted.question_id,
        answer=accepted.answer_id,
    )


async def whole_answer(follower: Follower) -> Body:
    await follower.end()
    return await in_tenant(follower.tenant.schema_name, answer_shown, follower.user, follower.answer)


def answer_shown(user: User, answer_id: UUID) -> Body:
    answer = answer_of(user, answer_id)
    shown = message_for_page(answer, siblings_of(answer.conversation)[answer.pk])
    return Body({**shown, "conversation": str(answer.conversation_id), "question": str(answer.reply_to_id)})


def wants_events(request: Request) -> bool:
    return bool(request.accepted_media_type == "text/event-stream")


def last_event(request: Request) -> int:
    given = request.headers.get("Last-Event-ID", "")
    return int(given) if given.isdecimal() and len(given) < 10 else 0
