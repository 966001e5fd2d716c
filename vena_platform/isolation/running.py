"""A run: two organisations are made, every attempt is made, both are removed, and what came of it is written down."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from tenants.context import entered
from vena_platform.errors import VenaError
from vena_platform.isolation.errors import ProbeFailed
from vena_platform.isolation.evidence import settled_fingerprint
from vena_platform.isolation.models import IsolationReport
from vena_platform.isolation.probes import all_attempts
from vena_platform.isolation.scratch import begun, furnish, removable, removed, uses_own_server
from vena_platform.isolation.serving import web_server
from vena_platform.isolation.signing import signed_html, signed_json
from vena_platform.isolation.types import Act, Attempt, Outcome, Pair, Seen, World
from vena_platform.isolation.writing import page_of

logger = logging.getLogger(__name__)

FORMAT = "vena-isolation-report/1"
DEAD_AFTER = timedelta(hours=1)  # a run that has not ended by then was killed
KEPT = 400  # reports; a nightly one for more than a year


def report_make() -> IsolationReport:
    """Raises ProbeFailed when there is none to make; that one leak was found is a report like any other."""
    remove_leftovers()
    with entered("public"):
        row = IsolationReport.objects.create()
    left: dict[str, int] = {}
    try:
        with scratch_pair(row, left) as pair:
            outcomes = tried(pair)
    except Exception as error:
        logger.exception("isolation.run_failed")
        detail = error.detail if isinstance(error, VenaError) else repr(error)
        note(row, finished_at=timezone.now(), failure_detail=detail)
        raise error if isinstance(error, ProbeFailed) else ProbeFailed(detail=detail) from error
    return finished(row, outcomes, left)


@contextmanager
def scratch_pair(row: IsolationReport, left: dict[str, int]) -> Iterator[Pair]:
    """Whatever happens within, both are removed. `left` is filled with what is left of them: zeros."""
    with web_server() as address:
        try:
            pair = Pair(noted(row, begun("A")), noted(row, begun("B")), address)
            furnish(pair.ours, address)
            furnish(pair.theirs, address)
            yield pair
        finally:
            left.update(removed(removable(row.scratch)))
            note(row, scratch=[])


def noted(row: IsolationReport, world: World) -> World:
    """So that it is removed, also after a kill."""
    note(row, scratch=[*row.scratch, str(world.organisation.pk)])
    return world


def remove_leftovers() -> None:
    """Of runs that were killed."""
    with entered("public"):
        dead = list(IsolationReport.objects.filter(begun_at__lt=timezone.now() - DEAD_AFTER).exclude(scratch=[]))
    for row in dead:
        removed(removable(row.scratch))
        note(row, scratch=[], finished_at=row.finished_at or timezone.now(), failure_detail="it was killed")


def tried(pair: Pair) -> list[Outcome]:
    """First everything from abroad, then a look at whether the other noticed, then the same at home."""
    attempts = all_attempts()
    before = settled_fingerprint(pair.theirs)
    abroad = [seen_by(attempt.abroad, pair) for attempt in attempts]
    after = settled_fingerprint(pair.theirs)
    at_home = [seen_by(attempt.at_home, pair) for attempt in attempts]
    end = settled_fingerprint(pair.theirs)
    outcomes = [judged(*one) for one in zip(attempts, abroad, at_home, strict=True)]
    return [*outcomes, unnoticed(before, after, end)]


def seen_by(act: Act, pair: Pair) -> Seen | None:
    """None for what broke: it proves nothing, so it counts against us."""
    try:
        return act(pair)
    except Exception:  # one broken attempt must not hide what the others find
        logger.exception("isolation.attempt_failed")
        return None


def judged(attempt: Attempt, abroad: Seen | None, at_home: Seen | None) -> Outcome:
    is_held = abroad is not None and not abroad.is_open and at_home is not None and at_home.is_open
    return Outcome(attempt.area, attempt.what, told(abroad), told(at_home), is_held)


def told(seen: Seen | None) -> str:
    return seen.told if seen else "the attempt itself broke"


def unnoticed(before: dict[str, str], after: dict[str, str], end: dict[str, str]) -> Outcome:
    changed = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    own = sum(after.get(name) != end.get(name) for name in after.keys() | end.keys())
    return Outcome(
        "Traces",
        "All of these attempts together change a row, a vector or a file of the other's",
        f"changed: {', '.join(changed)}" if changed else f"nothing of {len(before)} tables and stores",
        f"{own} of them",
        not changed and own > 0,
    )


def finished(row: IsolationReport, outcomes: list[Outcome], left: dict[str, int]) -> IsolationReport:
    row.finished_at = timezone.now()
    report = document_of(row, outcomes, left)
    row.is_held = report["holds"]
    signed = {"document": signed_json(report), "page": signed_html(page_of(report))}
    note(row, finished_at=row.finished_at, is_held=row.is_held, **signed)
    if not row.is_held:
        logger.error("isolation.broken", extra={name: report[name] for name in ("id", "tried", "held")})
    forget_old()
    return row


def document_of(row: IsolationReport, outcomes: list[Outcome], left: dict[str, int]) -> dict[str, Any]:
    held = sum(one.is_held for one in outcomes)
    return {
        "format": FORMAT,
        "id": str(row.pk),
        "platform": settings.VENA_BASE_DOMAIN,
        "begun_at": row.begun_at.isoformat(timespec="seconds"),
        "finished_at": row.finished_at.isoformat(timespec="seconds") if row.finished_at else "",
        "web_server": "one of the probe's own" if uses_own_server() else "the platform's",
        "holds": held == len(outcomes) and not any(left.values()),
        "tried": len(outcomes),
        "held": held,
        "attempts": [one._asdict() for one in outcomes],
        "left_of_the_scratch_organisations": left,
    }


def note(row: IsolationReport, **values: Any) -> None:
    for name, value in values.items():
        setattr(row, name, value)
    with entered("public"):
        row.save(update_fields=list(values))


def forget_old() -> None:
    with entered("public"):
        kept = list(IsolationReport.objects.values_list("pk", flat=True)[:KEPT])
        IsolationReport.objects.exclude(pk__in=kept).delete()


def newest_report() -> IsolationReport | None:
    """The last one that was made, whether everything held or not."""
    with entered("public"):
        return IsolationReport.objects.exclude(document="").order_by("-finished_at").first()
