"""What the first question would otherwise wait for."""

from __future__ import annotations

import asyncio
import logging

from knowledge.providers.registry import chat_model, default_embedding_provider, embedder, sparse_encoder
from vena_platform.errors import VenaError

logger = logging.getLogger(__name__)


async def warm_up() -> None:
    """Load the models and import the SDKs. A provider that is down must not keep the process from starting."""
    await asyncio.to_thread(load)
    if default_embedding_provider() == "local":
        try:
            await embedder("local").embed_query("warm up")
        except VenaError:
            logger.exception("warmup.embedding_failed")
    if prepare := getattr(chat_model(), "prepare", None):
        prepare()


def load() -> None:
    chat_model()
    sparse_encoder()
    embedder(default_embedding_provider())
