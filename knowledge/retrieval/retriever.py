"""Our search as a LangChain retriever: for one organisation and one person's scope, and for nothing beside them."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

# Else the environment could send questions and passages to a tracing service.
os.environ["LANGSMITH_TRACING"] = os.environ["LANGCHAIN_TRACING_V2"] = "false"

from langchain_core.callbacks import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun  # noqa: E402
from langchain_core.documents import Document  # noqa: E402
from langchain_core.retrievers import BaseRetriever  # noqa: E402
from pydantic import SkipValidation  # noqa: E402

from knowledge.providers.loops import run_in_loop  # noqa: E402
from knowledge.retrieval.search import retrieve  # noqa: E402
from knowledge.types import Library, Passage, SearchResult, SearchScope  # noqa: E402


class LibraryRetriever(BaseRetriever):
    """Documents are passages, best first; `told` gets the whole result, with its usage and notices.

    Raises IndexUnavailable.
    """

    library: SkipValidation[Library]
    scope: SkipValidation[SearchScope]
    limit: int | None = None
    is_reranked: bool | None = None
    known: Any = None  # QueryVectors; pydantic cannot read its arrays
    calls: Any = None  # a list of ours, which pydantic would copy
    told: SkipValidation[Callable[[SearchResult], None]] | None = None

    async def _aget_relevant_documents(
        self,
        query: str,
        *,
        run_manager: AsyncCallbackManagerForRetrieverRun,
        others: Sequence[str] = (),
    ) -> list[Document]:
        """`others` are other wordings of the same question."""
        return await self._documents(query, others)

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun, others: Sequence[str] = ()
    ) -> list[Document]:
        return run_in_loop(self._documents(query, others))

    async def _documents(self, query: str, others: Sequence[str]) -> list[Document]:
        found = await retrieve(
            self.library,
            query,
            self.scope,
            limit=self.limit,
            rerank=self.is_reranked,
            others=others,
            known=self.known,
            calls=self.calls,
        )
        if self.told is not None:
            self.told(found)
        return [document_of(passage) for passage in found.passages]


def document_of(passage: Passage) -> Document:
    metadata: dict[str, Any] = {
        "n": passage.n,
        "document": str(passage.document_id),
        "title": passage.title,
        "headings": list(passage.heading_path),
        "version": passage.version_number,
        "page": passage.page,
        "position": passage.position,
        "score": passage.score,
        "similarity": passage.similarity,
        "source_url": passage.source_url,
    }
    return Document(id=str(passage.chunk_id), page_content=passage.text, metadata=metadata)
