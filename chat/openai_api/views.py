"""`/v1/`: an organisation's knowledge for any client that speaks OpenAI's API. Signed in by API key only."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import uuid4

import numpy as np
from django.http import Http404, HttpResponseBase
from django.utils import timezone
from rest_framework.parsers import JSONParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import ApiKeyAuthentication
from accounts.permissions import Can
from accounts.selectors import require, signed_in
from chat.actions import Accepted, question_accept
from chat.api import id_of_key
from chat.asking import Follower, admit, begin
from chat.models import Conversation
from chat.openai_api.completions import Completion
from chat.openai_api.errors import ModelNotFound, handle, refused
from chat.openai_api.parsing import ChatRequest, EmbeddingRequest, parse_chat, parse_embeddings
from chat.protocol import Ask, question_text
from knowledge.answering.policy import answer_settings
from knowledge.providers.registry import embedder
from knowledge.retrieval.nearest import embedded
from knowledge.selectors import asker_of, library_of
from knowledge.types import AnswerSettings, Asker, Library, ModelChoice, Vector
from tenants.selectors import organisation_of
from vena_platform.later import Body, EventStream, LaterResponse
from vena_platform.rendering import EventsOrJson

VENA = "vena"  # the model that is whatever the organisation's answer policy says


class OpenAIView(APIView):
    authentication_classes = [ApiKeyAuthentication]
    parser_classes = [JSONParser]
    renderer_classes = EventsOrJson
    schema = None  # not part of our own API's description

    def get_exception_handler(self) -> Callable[..., Any]:
        return handle


class ChatCompletions(OpenAIView):
    def post(self, request: Request) -> HttpResponseBase:
        wanted = parse_chat(request.data)
        admit()
        accepted = accept(request, wanted)
        begin(accepted)
        follower = Follower(organisation_of(request._request).key, signed_in(request), accepted.answer_id)
        completion = Completion(wanted, follower, request.build_absolute_uri("/").rstrip("/"))
        if wanted.is_streamed:
            return EventStream(completion.chunks())
        return LaterResponse(completion.whole, refused)


def accept(request: Request, wanted: ChatRequest) -> Accepted:
    """Kept as a conversation of the key's person, so that what was asked is theirs to read, metered, and a gap when it
    is one; archived from the start, because a program's questions would bury a person's own."""
    ask = Ask(client_id=id_of_key(request) or uuid4(), text=question_text({"text": wanted.question}))
    settings = settings_for(wanted.model)
    accepted = question_accept(
        organisation_id=organisation_of(request._request).pk, user_id=signed_in(request).pk, ask=ask
    )
    if accepted.question is None:
        return accepted
    Conversation.objects.filter(pk=accepted.conversation_id).update(archived_at=timezone.now())
    question = replace(accepted.question, history=wanted.history)
    return replace(accepted, question=replace(question, settings=settings) if settings else question)


def settings_for(model: str) -> AnswerSettings | None:
    """None where nothing differs from any other question; with a model of the policy named, that one answers first."""
    if model == VENA:
        return None
    policy = answer_settings()
    for choice, other in ((policy.primary, policy.backup), (policy.backup, policy.primary)):
        if choice and model in names_of(choice):
            return replace(policy, primary=choice, backup=other)
    raise ModelNotFound


def names_of(choice: ModelChoice | None) -> list[str]:
    return [f"{choice.provider}/{choice.model}", choice.model] if choice and choice.model else []


class Models(OpenAIView):
    def get(self, request: Request) -> Response:
        require(signed_in(request), Can.ASK)
        return Response({"object": "list", "data": [model_shown(name) for name in model_names(request)]})


class Model(OpenAIView):
    def get(self, request: Request, name: str) -> Response:
        require(signed_in(request), Can.ASK)
        if name not in model_names(request):
            raise ModelNotFound
        return Response(model_shown(name))


def model_names(request: Request) -> list[str]:
    """`vena`, the models of the answer policy, and the one documents are embedded with."""
    policy = answer_settings()
    chosen = [names[0] for choice in (policy.primary, policy.backup) if (names := names_of(choice))]
    return [VENA, *chosen, embedder(organisation_of(request._request).embedding_provider).name]


def model_shown(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "organisation"}


class Embeddings(OpenAIView):
    def post(self, request: Request) -> HttpResponseBase:
        """The vectors that the organisation's documents have, for texts of the caller's."""
        user = signed_in(request)
        require(user, Can.ASK)
        library = library_of(organisation_of(request._request))
        wanted = parse_embeddings(request.data, library.space.dimensions)
        if wanted.model not in {VENA, embedder(library.embedding_provider).name}:
            raise ModelNotFound
        asker = asker_of(user)

        async def made() -> Body:
            return await embeddings(library, asker, wanted)

        return LaterResponse(made, refused)


async def embeddings(library: Library, asker: Asker, wanted: EmbeddingRequest) -> Body:
    found = await embedded(library, asker, wanted.texts)
    shown = in_base64 if wanted.is_base64 else list
    rows = [
        {"object": "embedding", "index": index, "embedding": shown(vector)}
        for index, vector in enumerate(found.vectors)
    ]
    usage = {"prompt_tokens": found.tokens, "total_tokens": found.tokens}
    return Body({"object": "list", "data": rows, "model": found.model, "usage": usage})


def in_base64(vector: Vector) -> str:
    """Float32, little endian."""
    return base64.b64encode(np.asarray(vector, "<f4").tobytes()).decode()


class Nowhere(OpenAIView):
    """Any other address under `/v1/`."""

    authentication_classes = []
    permission_classes = []

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        raise Http404
