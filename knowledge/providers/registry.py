"""Which provider stands behind each seam. SDKs are imported only when their provider is used."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypedDict
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.dispatch import receiver

from knowledge.errors import UnknownProvider
from knowledge.providers.base import ChatModel, ClosableChatModel, Embedder, Reranker, SparseEncoder, VectorIndex
from knowledge.providers.defaults import first_choice, own_model
from knowledge.providers.once import MadeOnce

VENDOR_URLS = {"openai": "https://api.openai.com/v1", "anthropic": "https://api.anthropic.com"}
MOST_OWN_MODELS = 256  # in one process
OWN_MODEL_SECONDS = 600.0  # after its last use; longer than any answer takes
TIMES = ("VENA_CONNECT_SECONDS", "VENA_FIRST_TOKEN_SECONDS", "VENA_SILENCE_SECONDS")

_own_models: dict[tuple[str, str, Access], tuple[float, ClosableChatModel]] = {}
_own_lock = threading.Lock()
_closing: set[asyncio.Task[None]] = set()


@dataclass(frozen=True, slots=True)
class Access:
    """An organisation's own way to a provider. What is made with it is kept under its owner, id and version, so no
    two organisations share a client; neither repr nor comparison shows or reads the key."""

    schema_name: str
    id: UUID
    version: str
    key: str = field(repr=False, compare=False)
    base_url: str = ""


def default_chat_provider() -> str:
    return first_choice().provider


def default_embedding_provider() -> str:
    """For new organisations; an existing one keeps the provider its index was made with."""
    if settings.VENA_EMBEDDINGS:
        return str(settings.VENA_EMBEDDINGS)
    return "openai" if settings.OPENAI_API_KEY else "local"


def chat_model() -> ChatModel:
    return chat_model_of(default_chat_provider())


@MadeOnce
def chat_model_of(provider: str, model: str = "") -> ChatModel:
    match provider:
        case "openai":
            from knowledge.providers.openai import OpenAIChatModel

            return OpenAIChatModel(
                name=model or settings.OPENAI_MODEL,
                api_key=settings.OPENAI_API_KEY or "not-needed",  # local servers ask for none; the SDK wants a word
                base_url=settings.OPENAI_BASE_URL or None,
                **patience(),
            )
        case "anthropic":
            from knowledge.providers.anthropic import AnthropicChatModel

            return AnthropicChatModel(
                name=model or settings.ANTHROPIC_MODEL,
                api_key=settings.ANTHROPIC_API_KEY,
                base_url=settings.ANTHROPIC_BASE_URL or None,
                **patience(),
            )
        case "extractive":
            from knowledge.providers.extractive import ExtractiveChatModel

            return ExtractiveChatModel()
        case "scripted":  # says what a test tells it to
            from knowledge.providers.scripted import ScriptedChatModel

            return ScriptedChatModel(model or "scripted")
    raise ImproperlyConfigured(f"VENA_CHAT_PROVIDER is {provider!r}; it takes openai, anthropic or extractive.")


def own_chat_model(provider: str, model: str, access: Access) -> ChatModel:
    """With the organisation's own key. A new key is a new client; one that nobody uses any more is let go of."""
    wanted, now = (provider, model, access), time.monotonic()
    with _own_lock:
        _, found = _own_models.pop(wanted, (0.0, None))
        found = found or own_chat_model_made(provider, model, access)
        _own_models[wanted] = (now, found)  # the last one is the one used last
        forgotten = [key for key, (used, _) in _own_models.items() if used < now - OWN_MODEL_SECONDS]
        idle = [_own_models.pop(key)[1] for key in forgotten]
        while len(_own_models) > MOST_OWN_MODELS:
            del _own_models[next(iter(_own_models))]
    close_soon(idle)
    return found


def close_soon(models: Sequence[ClosableChatModel]) -> None:
    """Their connections of the running loop. Nobody reads from a model that was not asked for so long."""
    for model in models:
        with suppress(RuntimeError):  # no loop runs here
            task = asyncio.get_running_loop().create_task(model.close())
            _closing.add(task)
            task.add_done_callback(_closing.discard)


def own_chat_model_made(provider: str, model: str, access: Access) -> ClosableChatModel:
    """An address of the organisation's own is guarded: it may not lead into our network."""
    match provider:
        case "openai":
            from knowledge.providers.openai import OpenAIChatModel

            return OpenAIChatModel(
                name=model or own_model(provider, has_address=bool(access.base_url)),
                api_key=access.key or "not-needed",
                base_url=access.base_url or VENDOR_URLS[provider],
                is_guarded=bool(access.base_url),
                **patience(),
            )
        case "anthropic":
            from knowledge.providers.anthropic import AnthropicChatModel

            return AnthropicChatModel(
                name=model or own_model(provider, has_address=bool(access.base_url)),
                api_key=access.key,
                base_url=access.base_url or VENDOR_URLS[provider],
                is_guarded=bool(access.base_url),
                **patience(),
            )
    raise UnknownProvider(detail=provider)


class Patience(TypedDict):
    connect_timeout: float
    first_token_timeout: float
    silence_timeout: float


def patience() -> Patience:
    """Seconds that a person is kept waiting: for a connection, for the first text, for the next."""
    return {
        "connect_timeout": settings.VENA_CONNECT_SECONDS,
        "first_token_timeout": settings.VENA_FIRST_TOKEN_SECONDS,
        "silence_timeout": settings.VENA_SILENCE_SECONDS,
    }


@MadeOnce
def embedder(provider: str) -> Embedder:
    match provider:
        case "openai":
            from knowledge.providers.openai_embeddings import OpenAIEmbedder

            return OpenAIEmbedder(api_key=settings.OPENAI_API_KEY, base_url=settings.OPENAI_BASE_URL or None)
        case "openai-large":
            from knowledge.providers.openai_embeddings import OpenAIEmbedder

            return OpenAIEmbedder(
                "text-embedding-3-large",
                api_key=settings.OPENAI_API_KEY,
                base_url=settings.OPENAI_BASE_URL or None,
                dimensions=3072,
            )
        case "local":
            from knowledge.providers.local_embeddings import LocalEmbedder

            return LocalEmbedder(settings.VENA_MODEL_FOLDER, threads=settings.VENA_EMBEDDING_THREADS)
    raise ImproperlyConfigured(f"VENA_EMBEDDINGS is {provider!r}; it takes openai, openai-large or local.")


def embedding_choices() -> list[str]:
    """The embedding models that an organisation can have its documents embedded with, here and now."""
    return ["local", "openai", "openai-large"] if settings.OPENAI_API_KEY else ["local"]


@MadeOnce
def sparse_encoder(language: str = "english") -> SparseEncoder:
    """Whose stop words and word stems it folds is the collection's choice (`Collection.language`)."""
    from knowledge.providers.bm25 import Bm25Encoder

    return Bm25Encoder(language=language)


@MadeOnce
def reranker() -> Reranker | None:
    """The one that reads question and passage together, if its key is set."""
    if not settings.COHERE_API_KEY:
        return None
    from knowledge.providers.cohere import CohereReranker

    return CohereReranker(
        settings.COHERE_MODEL, api_key=settings.COHERE_API_KEY, base_url=settings.COHERE_BASE_URL or None
    )


@MadeOnce
def vector_index() -> VectorIndex:
    if settings.QDRANT_URL:
        from knowledge.providers.qdrant_layout import Layout
        from knowledge.providers.qdrant_server import ServerVectorIndex

        layout = Layout(settings.VENA_QDRANT_SHARDS, settings.VENA_QDRANT_REPLICAS, settings.VENA_QDRANT_QUANTISED)
        return ServerVectorIndex(settings.QDRANT_URL, api_key=settings.QDRANT_API_KEY, layout=layout)
    from knowledge.providers.qdrant_edge import EdgeVectorIndex

    return EdgeVectorIndex(settings.VENA_HOME / "vectors")


@receiver(setting_changed)
def forget_providers(*, setting: str, **kwargs: object) -> None:
    """Tests choose providers by settings. The index keeps its files open, so only its own settings let go of it."""
    if setting.startswith("COHERE"):
        reranker.cache_clear()
    if setting.startswith(("OPENAI", "ANTHROPIC", "VENA_CHAT")) or setting in TIMES:
        chat_model_of.cache_clear()
        _own_models.clear()
    if setting.startswith(("OPENAI", "VENA_EMBED")):
        embedder.cache_clear()
