"""How the lines of reports are called: their key for programs, their label for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from billing.models import UsageEvent
from billing.names import COLLECTION, GROUP, KEY, names_of

NOBODY = "Without a person"
KIND_NAMES: dict[str, str] = {
    UsageEvent.Kind.CHAT: "Answers",
    UsageEvent.Kind.EMBEDDING: "Embedding of questions and documents",
    UsageEvent.Kind.RERANK: "Re-ranking of passages",
    UsageEvent.Kind.CONTEXT: "Context for passages of documents",
    UsageEvent.Kind.REWRITE: "Questions put in other words",
    UsageEvent.Kind.OCR: "Text recognised in pictures",
    UsageEvent.Kind.STORAGE: "Storage",
    UsageEvent.Kind.ASSIST: "Titles, summaries, follow-ups",
}
WITHOUT = {
    "member": NOBODY,
    "group": "Without a group",
    "cost_centre": "Without a cost centre",
    "key": "On the pages, without an API key",
    "collection": "Without a collection",
    "conversation": "Outside of conversations",
}
NAMED = {"group": (GROUP, 5), "key": (KEY, 7)}  # group of a report → kind of name, and where in `facts` its id is


def of_group(organisation_id: UUID, group: str, rows: Iterable[Sequence[Any]]) -> dict[UUID, str]:
    """The names that the lines of this grouping need."""
    if group not in NAMED:
        return {}
    kind, place = NAMED[group]
    ids = {facts[place] for facts in rows if facts[place]}
    return names_of(organisation_id, kind, ids) if ids else {}


def named(group: str, facts: Sequence[Any], names: Mapping[UUID, str]) -> tuple[str, str]:
    """A line's key and label. `facts` are the columns `reports.EVERY`, and the member's label."""
    day, member_id, provider, model, kind, group_id, cost_centre, key_id, member_label = facts[:9]
    match group:
        case "day":
            return day.isoformat(), f"{day:%d %b %Y}"
        case "model":
            return f"{provider}/{model}", f"{provider} {model}"
        case "kind":
            return kind, KIND_NAMES.get(kind, kind)
        case "cost_centre":
            return cost_centre, cost_centre or WITHOUT[group]
        case "member":
            return (str(member_id), member_label or str(member_id)) if member_id else ("", NOBODY)
    return with_id(group, group_id if group == "group" else key_id, names)


def with_id(group: str, subject: UUID | None, names: Mapping[UUID, str]) -> tuple[str, str]:
    return (str(subject), names.get(subject, str(subject))) if subject else ("", WITHOUT[group])


def of_collections(organisation_id: UUID, rows: Iterable[Sequence[UUID]]) -> dict[UUID, str]:
    ids = {one for row in rows for one in row}
    return names_of(organisation_id, COLLECTION, ids) if ids else {}


def collections(ids: Sequence[UUID], names: Mapping[UUID, str]) -> tuple[str, str]:
    """What read several collections is a line of its own: nothing is shared out by a guess."""
    told = sorted(names.get(one, str(one)) for one in ids)
    return ",".join(map(str, ids)), " and ".join(told) or WITHOUT["collection"]


def conversation(conversation_id: UUID | None, member_label: str, day: date) -> tuple[str, str]:
    """Who had it, and since when: its title is the person's own words."""
    if conversation_id is None:
        return "", WITHOUT["conversation"]
    return str(conversation_id), f"{member_label or NOBODY}, {day:%d %b %Y}, {str(conversation_id)[:8]}"
