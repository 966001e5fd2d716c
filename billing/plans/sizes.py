"""How much of a plan an organisation uses, and what another plan would be too small for. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tenants.entitlements import Entitlements, Feature
from tenants.models import Organisation

MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Sizes:
    seats: int
    documents: int
    stored_bytes: int
    questions: int  # this month

    @property
    def storage_mb(self) -> int:
        return -(-self.stored_bytes // MEGABYTE)


SizesOf = Callable[[Organisation], Sizes]  # told from above: billing does not know documents


@dataclass(frozen=True, slots=True)
class Use:
    """One line of the page: what is used, and of how much."""

    name: str
    used: str
    limit: str  # "" where there is none
    percent: int | None


def uses(sizes: Sizes, plan: Entitlements) -> list[Use]:
    pairs = (
        ("Seats", sizes.seats, plan.seats, number),
        ("Documents", sizes.documents, plan.documents, number),
        ("Storage", sizes.storage_mb, plan.storage_mb, megabytes),
        ("Questions this month", sizes.questions, plan.questions, number),
    )
    return [
        Use(name, said(used), said(most) if most is not None else "", percent_of(used, most))
        for name, used, most, said in pairs
    ]


def percent_of(used: int, most: int | None) -> int | None:
    if most is None:
        return None
    return min(100, used * 100 // most) if most else 100


@dataclass(frozen=True, slots=True)
class Loss:
    """What a plan would take away."""

    what: str
    words: str
    is_too_small: bool = False  # more is there now than the plan has room for


def losses(sizes: Sizes, had: Entitlements, new: Entitlements) -> list[Loss]:
    return [*too_small(sizes, new), *features_lost(had, new)]


def too_small(sizes: Sizes, new: Entitlements) -> Iterator[Loss]:
    if new.seats is not None and sizes.seats > new.seats:
        over = sizes.seats - new.seats
        words = f"{sizes.seats:,} are taken, the plan has {new.seats:,}. Everybody stays; nobody can be added"
        yield Loss("Seats", f"{words} before {over:,} leave.", True)
    if new.documents is not None and sizes.documents > new.documents:
        over = sizes.documents - new.documents
        words = f"There are {sizes.documents:,}, the plan has room for {new.documents:,}. All stay and are searched;"
        yield Loss("Documents", f"{words} none can be added before {over:,} are deleted.", True)
    if new.storage_mb is not None and sizes.storage_mb > new.storage_mb:
        words = f"{megabytes(sizes.storage_mb)} are used, the plan has {megabytes(new.storage_mb)}."
        yield Loss("Storage", f"{words} Nothing is deleted; nothing can be added before there is room.", True)
    if new.questions is not None and sizes.questions > new.questions:
        words = f"{sizes.questions:,} were asked this month, the plan has {new.questions:,}."
        yield Loss("Questions", f"{words} In a month like this one they would end before the month does.", True)


def features_lost(had: Entitlements, new: Entitlements) -> Iterator[Loss]:
    for feature in Feature:
        if had.allows(feature) and not new.allows(feature):
            yield Loss(feature.label, LOST[feature])


LOST = {
    Feature.BRANDING: "Pages and letters get Vena's own look. Your logo and colours are kept for when you come back.",
    Feature.DOMAINS: "Domains that are there stay; none can be added.",
    Feature.EXPERIMENTS: "Experiments that run go on; none can be started.",
    Feature.SCHEDULES: "Reports that are scheduled are no longer sent. They are kept for when you come back.",
}


def number(value: int) -> str:
    return f"{value:,}"


def megabytes(value: int) -> str:
    return f"{value / 1024:,.1f} GB" if value >= 1024 else f"{value} MB"
