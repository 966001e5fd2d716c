"""Which vector spaces hold an organisation's points: the one that answers, and one built or kept beside it."""

from __future__ import annotations

from dataclasses import replace

from knowledge.models import Reembedding
from knowledge.providers.registry import embedder
from knowledge.types import Library, VectorSpace


def library_with(library: Library, provider: str) -> Library:
    """The same organisation seen through another embedding model."""
    model = embedder(provider)
    space = replace(library.space, version=model.version, dimensions=model.dimensions)
    return replace(library, space=space, embedding_provider=provider)


def spaces_of(library: Library) -> list[VectorSpace]:
    """The active space first, then those beside it."""
    spaces = {library.space.version: library.space}
    for row in Reembedding.objects.filter(state__in=Reembedding.KEPT):
        for provider in (row.source_provider, row.target_provider):
            space = library_with(library, provider).space
            spaces.setdefault(space.version, space)
    return list(spaces.values())

