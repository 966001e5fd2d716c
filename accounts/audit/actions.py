"""The one way into the audit log."""

from __future__ import annotations

from typing import Any

from accounts.audit.facts import Facts, facts_now
from accounts.audit.models import AuditEvent
from accounts.audit.registry import Action
from accounts.models import User
from tenants.context import PUBLIC, active_schema
from tenants.postgresql.rows import insert, run
from vena_platform.request_id import request_id

LONGEST_WORD = 300  # of a text in `detail`


def audit(
    action: str,
    *,
    actor: User | None = None,
    target: str = "",
    target_id: str = "",
    target_kind: str = "",
    detail: dict[str, Any] | None = None,
    organisation: str = "",
) -> None:
    """Append one entry to the log of the schema that is entered: in a transaction it stands or falls with the act.

    `action` is one of `registry.Action`; anything else raises ValueError. `actor` is whoever the request or socket
    belongs to, unless somebody else is named. `target` is the name of what it was done to. `detail` holds ids, counts
    and names of fields or states: no names of people, no texts, no secrets.
    """
    known, facts = Action(action), facts_now()
    person = actor or person_behind(facts)
    row = AuditEvent(
        action=known.value,
        actor_id=person.pk if person else None,
        actor_kind=kind_of(person, facts),
        actor_label=cleaned(label_of(person, facts), 254),
        target_kind=cleaned(target_kind or known.target_kind, 40),
        target_id=cleaned(target_id, 64),
        target_label=cleaned(target, 300),
        organisation=organisation or active_schema(),
        address=facts.address if facts else "",
        user_agent=cleaned(facts.user_agent if facts else "", 300),
        request_id=request_id.get() if facts else "",
        detail=cleaned_detail(detail or {}),
    )
    run(insert([row]))


def person_behind(facts: Facts | None) -> User | None:
    found = facts.somebody if facts else None
    return found if isinstance(found, User) else None


def label_of(person: User | None, facts: Facts | None) -> str:
    return person.email if person else facts.program if facts else ""


def kind_of(person: User | None, facts: Facts | None) -> AuditEvent.Kind:
    if facts is None and person is None:
        return AuditEvent.Kind.SYSTEM
    if active_schema() == PUBLIC:
        return AuditEvent.Kind.OPERATOR if person else AuditEvent.Kind.PERSON
    return AuditEvent.Kind.KEY if facts and facts.is_key else AuditEvent.Kind.PERSON


def cleaned(text: str, longest: int) -> str:
    return str(text).replace("\x00", "")[:longest]


def cleaned_detail(detail: Any) -> Any:
    """What JSON can say, with no long texts in it."""
    match detail:
        case dict():
            return {cleaned(name, 60): cleaned_detail(value) for name, value in detail.items()}
        case list() | tuple() | set() | frozenset():
            return [cleaned_detail(value) for value in detail]
        case bool() | int() | float() | None:
            return detail
    return cleaned(detail, LONGEST_WORD)
