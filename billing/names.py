"""What the groups, keys and collections of ledger rows are called. The name of one that is gone is the last it had."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from uuid import UUID

from django.db import connection

from billing.models import UsageName

GROUP, KEY, COLLECTION = UsageName.Kind.GROUP, UsageName.Kind.KEY, UsageName.Kind.COLLECTION
REFRESH_SECONDS = 600.0  # a name that was written down is not looked at again for so long
MOST = 50_000
KEEP = """
INSERT INTO public.billing_usagename (organisation_id, kind, subject_id, label)
SELECT %s, %s, * FROM unnest(%s::uuid[], %s::varchar[])
ON CONFLICT ON CONSTRAINT one_name_each DO UPDATE SET label = EXCLUDED.label
WHERE billing_usagename.label <> EXCLUDED.label
"""
_kept: dict[tuple[UUID, str, UUID, str], float] = {}


def names_keep(organisation_id: UUID, kind: str, names: Mapping[UUID, str]) -> None:
    """Write down what these are called now. Costs nothing where that was done a moment ago."""
    now = time.monotonic()
    fresh = {
        subject: label
        for subject, label in names.items()
        if _kept.get((organisation_id, kind, subject, label), 0) < now
    }
    if not fresh:
        return
    if len(_kept) > MOST:
        _kept.clear()
    ordered = sorted(fresh)  # two processes lock the rows in the same order
    with connection.cursor() as cursor:
        cursor.execute(KEEP, [organisation_id, kind, ordered, [fresh[one] for one in ordered]])
    _kept.update({(organisation_id, kind, one, label): now + REFRESH_SECONDS for one, label in fresh.items()})


def names_of(organisation_id: UUID, kind: str, ids: Iterable[UUID]) -> dict[UUID, str]:
    """Of the organisation's own; what another one has under such an id is not found."""
    rows = UsageName.objects.filter(organisation_id=organisation_id, kind=kind, subject_id__in=set(ids))
    return dict(rows.values_list("subject_id", "label"))


def forget_names() -> None:
    _kept.clear()
