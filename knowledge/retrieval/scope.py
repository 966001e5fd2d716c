"""The one place where it is decided what a person's question may read."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from accounts.models import User
from knowledge.selectors import collections_readable
from knowledge.types import SearchScope


def scope_of(user: User, collection_ids: Sequence[UUID] | None = None) -> SearchScope:
    """Every collection the person may read, or those of the wanted ones that they may. Never more than allowed."""
    allowed = set(collections_readable(user).order_by().values_list("pk", flat=True))
    wanted = allowed if collection_ids is None else allowed & set(collection_ids)
    return SearchScope(collection_ids=tuple(sorted(wanted)))
