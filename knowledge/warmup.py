"""What the first question would otherwise wait for."""

from __future__ import annotations

import asyncio
import logging
from types import ModuleType

from knowledge.answering.query import langchain
from knowledge.providers.base import ChatModel
from knowledge.providers.defaults import other_choice
from knowledge.providers.registry import (
    chat_model,
    chat_model_of,
    default_chat_provider,
    default_embedding_provider,
    embedder,
    sparse_encoder,
)
from vena_platform.errors import VenaError

logger = logging.getLogger(__name__)

_background: set[asyncio.Task[ModuleType]] = set()  # a start does not wait for it: LangChain takes a second or two


async def warm_up() -> None:
    """Load the models and import the SDKs. A provider that is down must not keep the process from starting."""
    await asyncio.to_thread(load)
    if default_embedding_provider() == "local":
        try:
            await embedder("local").embed_query("warm up")
        except VenaError:
            logger.exception("warmup.embedding_failed")
    for model in chat_models():
        if prepare := getattr(model, "prepare", None):
            prepare()
    _background.add(task := asyncio.create_task(langchain(), name="warmup.langchain"))
    task.add_done_callback(_background.discard)


def load() -> None:
    chat_models()
    sparse_encoder()
    embedder(default_embedding_provider())


def chat_models() -> list[ChatModel]:
    """The platform's first one and the one that takes over: nobody should wait for an SDK within an answer."""
    backup = other_choice(default_chat_provider())
    return [chat_model(), *([chat_model_of(backup.provider)] if backup else [])]
