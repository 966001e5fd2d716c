"""Which group, and which cost centre, a call is charged to: what the member's groups say at that moment.

Of several groups it is the first by name of those with a cost centre; where none has one, the first by name.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from uuid import UUID

from billing.names import GROUP, names_keep
from billing.types import UsageRecord
from tenants.context import active_schema
from tenants.postgresql.rows import read

REFRESH_SECONDS = 30.0
MOST = 20_000
OF_GROUPS = """
SELECT id, name, cost_centre FROM accounts_group WHERE id = ANY(%s) ORDER BY cost_centre = '', name LIMIT 1
"""
OF_MEMBER = """
SELECT own.id, own.name, own.cost_centre FROM accounts_group AS own
JOIN accounts_group_members AS link ON link.group_id = own.id
WHERE link.user_id = %s ORDER BY own.cost_centre = '', own.name LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Charged:
    group_id: UUID | None = None
    cost_centre: str = ""


NOBODY = Charged()
_known: dict[tuple[object, ...], tuple[float, Charged]] = {}


def charged_to(record: UsageRecord) -> Charged:
    """Only inside the schema of the record's own organisation: elsewhere an id means nothing."""
    if active_schema() != record.tenant.schema_name or not (record.group_ids or record.member_id):
        return NOBODY
    key = (record.tenant.id, record.member_id, record.group_ids)
    kept = _known.get(key)
    if kept and kept[0] > time.monotonic():
        return kept[1]
    if len(_known) >= MOST:
        _known.clear()
    found = looked_up(record)
    _known[key] = (time.monotonic() + REFRESH_SECONDS, found)
    return found


def looked_up(record: UsageRecord) -> Charged:
    rows = read(OF_GROUPS, [list(record.group_ids)]) if record.group_ids else read(OF_MEMBER, [record.member_id])
    if not rows:
        return NOBODY
    ((group_id, name, cost_centre),) = rows
    names_keep(record.tenant.id, GROUP, {group_id: name})
    return Charged(group_id, cost_centre)


def forget_cost_groups() -> None:
    _known.clear()
