"""What a version was read and cut with. When it changes, older versions can be read again; none changes in silence."""

from __future__ import annotations

from knowledge.models import Collection

READERS = 2  # grows when readers find more, or other, text
CHUNKER = 2  # grows when the same text is cut in another way


def recipe_of(collection: Collection) -> str:
    """For instance `readers-2 chunks-2 english`, with `contextual` where a model writes a sentence for each chunk."""
    return f"readers-{READERS} chunks-{CHUNKER} {collection.language}" + (
        " contextual" if collection.is_contextual else ""
    )
