"""Which provider stands behind each seam. SDKs are imported only when their provider is used."""

from __future__ import annotations

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.dispatch import receiver

from knowledge.providers.base import ChatModel, Embedder, Reranker, SparseEncoder, VectorIndex
from knowledge.providers.once import MadeOnce


def default_chat_provider() -> str:
    """The one that is chosen, or else the first whose key is set; with none, the answerer that quotes."""
    if settings.VENA_CHAT_PROVIDER:
        return str(settings.VENA_CHAT_PROVIDER)
    if settings.OPENAI_API_KEY or settings.OPENAI_BASE_URL:
        return "openai"
    return "anthropic" if settings.ANTHROPIC_API_KEY else "extractive"


def default_embedding_provider() -> str:
    """For new organisations; an existing one keeps the provider its index was made with."""
    if settings.VENA_EMBEDDINGS:
        return str(settings.VENA_EMBEDDINGS)
    return "openai" if settings.OPENAI_API_KEY else "local"


def chat_model() -> ChatModel:
    return chat_model_of(default_chat_provider())


@MadeOnce
def chat_model_of(provider: str) -> ChatModel:
    match provider:
        case "openai":
            from knowledge.providers.openai import OpenAIChatModel

            return OpenAIChatModel(
                name=settings.OPENAI_MODEL,
                api_key=settings.OPENAI_API_KEY or "not-needed",  # local servers ask for none; the SDK wants a word
                base_url=settings.OPENAI_BASE_URL or None,
            )
        case "anthropic":
            from knowledge.providers.anthropic import AnthropicChatModel

            return AnthropicChatModel(
                name=settings.ANTHROPIC_MODEL,
                api_key=settings.ANTHROPIC_API_KEY,
                base_url=settings.ANTHROPIC_BASE_URL or None,
            )
        case "extractive":
            from knowledge.providers.extractive import ExtractiveChatModel

            return ExtractiveChatModel()
        case "scripted":  # says what a test tells it to
            from knowledge.providers.scripted import ScriptedChatModel

            return ScriptedChatModel()
    raise ImproperlyConfigured(f"VENA_CHAT_PROVIDER is {provider!r}; it takes openai, anthropic or extractive.")


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
    if setting.startswith(("OPENAI", "ANTHROPIC", "VENA_CHAT", "VENA_EMBED")):
        chat_model_of.cache_clear()
        embedder.cache_clear()
