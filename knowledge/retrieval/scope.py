"""The one place where it is decided what a person's question may read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from uuid import UUID

from accounts.models import User
from accounts.permissions import Can
from accounts.selectors import require
from knowledge.access import readable_languages
from knowledge.types import SearchScope


def scope_of(
    user: User,
    collection_ids: Sequence[UUID] | None = None,
    *,
    document_ids: Sequence[UUID] | None = None,
    tags: Sequence[str] = (),
    since: date | None = None,
    until: date | None = None,
    readable: Mapping[UUID, str] | None = None,
) -> SearchScope:
    """Every collection the person may read, or those of the wanted ones that they may. Never more than allowed.
    `readable` is what `readable_languages` says, where it was read just now.

    The rest narrows that further: a document named in a collection they may not read is not found.
    """
    require(user, Can.READ_DOCUMENTS)
    allowed = readable_languages(user) if readable is None else readable
    wanted = allowed.keys() if collection_ids is None else allowed.keys() & set(collection_ids)
    return SearchScope(
        collection_ids=_sorted(wanted),
        document_ids=None if document_ids is None else _sorted(document_ids),
        tags=tuple(sorted(set(tags))),
        since=since,
        until=until,
        languages={collection: allowed[collection] for collection in wanted},
    )


def scope_key(scope: SearchScope) -> str:
    """The same text for the same scope, however it was put together; for keys of caches."""
    values = [
        sorted(map(str, set(scope.collection_ids))),
        None if scope.document_ids is None else sorted(map(str, set(scope.document_ids))),
        sorted(set(scope.tags)),
        scope.since.isoformat() if scope.since else None,
        scope.until.isoformat() if scope.until else None,
    ]
    return json.dumps(values, separators=(",", ":"))


def _sorted(ids: Iterable[UUID]) -> tuple[UUID, ...]:
    return tuple(sorted(set(ids)))
