"""Whether the log is whole: every row's hash made again, here, from what the row says."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC
from typing import Any

from django.core.signing import BadSignature, Signer
from django.db import connection, transaction
from django.db.models import TextField
from django.db.models.functions import Cast

from accounts.audit.models import AuditEvent, AuditMark
from tenants.context import active_schema

MOST_PROBLEMS = 20
AT_ONCE = 2000  # rows


@dataclass(frozen=True, slots=True)
class Problem:
    number: int
    what: str


@dataclass(slots=True)
class Verdict:
    """`first` and `last` are the numbers of the rows that are there."""

    rows: int = 0
    erased: int = 0
    first: int = 0
    last: int = 0
    head: str = ""
    problems: list[Problem] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        return not self.problems


def digest(parts: Sequence[object]) -> str:
    """Of a JSON list as PostgreSQL writes it."""
    return hashlib.sha256(json.dumps(parts, ensure_ascii=False).encode()).hexdigest()


def personal_digest(row: AuditEvent) -> str:
    return digest([row.salt, row.actor_label, row.target_label, row.address, row.user_agent])


def row_digest(row: AuditEvent, detail: str) -> str:
    """`detail` is the text that the database keeps of it."""
    at = row.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
    facts = [row.action, str(row.actor_id or ""), row.actor_kind, row.target_kind, row.target_id]
    return digest([row.previous_hash, row.pk, at, *facts, row.organisation, row.request_id, detail, row.personal_hash])


def chain_verify() -> Verdict:
    """Of the schema that is entered. Reads every row."""
    marks = list(AuditMark.objects.all())
    verdict = Verdict()
    for mark in marks:
        if not is_sealed(mark):
            verdict.problems.append(Problem(mark.number, "a mark has no valid seal"))
    cuts = [mark for mark in marks if mark.kind == AuditMark.Kind.CUT]
    seen = {mark.number: mark.hash for mark in marks if mark.kind == AuditMark.Kind.SEEN}
    begin = max(cuts, key=lambda mark: mark.number) if cuts else None
    walk(verdict, rows_in_order(), begin, seen)
    return verdict


def rows_in_order() -> Iterator[Any]:
    rows = AuditEvent.objects.order_by("id").annotate(detail_text=Cast("detail", TextField()))
    return rows.iterator(chunk_size=AT_ONCE)


def walk(verdict: Verdict, rows: Iterable[Any], begin: AuditMark | None, seen: dict[int, str]) -> None:
    number, before = (begin.number, begin.hash) if begin else (0, "")
    floor = number
    for row in rows:
        verdict.rows += 1
        verdict.erased += row.erased_at is not None
        verdict.first = verdict.first or row.pk
        for what in problems_of(row, number + 1, before, seen):
            if len(verdict.problems) < MOST_PROBLEMS:
                verdict.problems.append(Problem(row.pk, what))
        number, before = row.pk, row.hash
    verdict.last, verdict.head = number, before
    last_seen = max((one for one in seen if one > floor), default=0)
    if last_seen > number:
        verdict.problems.append(Problem(last_seen, "rows at the end are gone that were there before"))


def problems_of(row: Any, expected: int, before: str, seen: dict[int, str]) -> list[str]:
    checks = (
        (row.pk != expected, f"row {expected} is missing"),
        (row.previous_hash != before, "it does not follow the row before"),
        (row_digest(row, row.detail_text) != row.hash, "it was changed"),
        (row.erased_at is None and personal_digest(row) != row.personal_hash, "a name or address was changed"),
        (seen.get(row.pk, row.hash) != row.hash, "it is not the row that was seen here before"),
    )
    return [what for is_wrong, what in checks if is_wrong]


# -- marks ----------------------------------------------------------------------------------------


def signer() -> Signer:
    return Signer(salt="vena.audit", sep=":")


def sealed(kind: str, number: int, row_hash: str) -> str:
    return signer().signature(f"{active_schema()} {kind} {number} {row_hash}")


def is_sealed(mark: AuditMark) -> bool:
    """Made with our key, or one that it replaced."""
    text = f"{active_schema()} {mark.kind} {mark.number} {mark.hash}"
    try:
        return signer().unsign(f"{text}:{mark.seal}") == text
    except BadSignature:
        return False


def mark_put(kind: AuditMark.Kind, number: int, row_hash: str) -> None:
    AuditMark.objects.create(kind=kind, number=number, hash=row_hash, seal=sealed(kind, number, row_hash))


def mark_seen(verdict: Verdict) -> None:
    """Remember the end of a chain that was found whole. Of older marks the last few are enough."""
    if verdict.is_whole and verdict.last:
        if not AuditMark.objects.filter(kind=AuditMark.Kind.SEEN, number=verdict.last).exists():
            mark_put(AuditMark.Kind.SEEN, verdict.last, verdict.head)
        kept = AuditMark.objects.filter(kind=AuditMark.Kind.SEEN).order_by("-number").values_list("pk", flat=True)
        AuditMark.objects.filter(kind=AuditMark.Kind.SEEN).exclude(pk__in=list(kept[:MOST_PROBLEMS])).delete()


# -- the end of old rows --------------------------------------------------------------------------


@transaction.atomic
def chain_cut(before: Any) -> int:
    """Cut off all rows older than `before`, and keep a sealed mark of where. The last row always stays."""
    lock_chain()
    last = AuditEvent.objects.order_by("-id").values_list("id", flat=True).first() or 0
    edge = AuditEvent.objects.filter(at__lt=before, id__lt=last).order_by("-id").first()
    if edge is None:
        return 0
    mark_put(AuditMark.Kind.CUT, edge.pk, edge.hash)
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('vena.audit_cut', 'on', true)")
        count = AuditEvent.objects.filter(id__lte=edge.pk)._raw_delete("default")
        cursor.execute("SELECT set_config('vena.audit_cut', 'off', true)")
    AuditMark.objects.filter(kind=AuditMark.Kind.SEEN, number__lte=edge.pk).delete()
    AuditMark.objects.filter(kind=AuditMark.Kind.CUT, number__lt=edge.pk).delete()
    return int(count)


def lock_chain() -> None:
    """As the database does before each row (migration `audit`); let go of at the end of the transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('audit ' || %s, 0))", [active_schema()])
