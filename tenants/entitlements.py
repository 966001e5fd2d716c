"""What an organisation's plan gives it, as every app reads it. It is kept on the organisation; `billing` writes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any


class Feature(StrEnum):
    """What a plan may leave out. Never what keeps an organisation safe or free to go: sign-in, roles, the audit log,
    budgets, the API and own keys at providers are in every plan."""

    BRANDING = "branding"
    DOMAINS = "domains"
    EXPERIMENTS = "experiments"
    SCHEDULES = "schedules"

    @property
    def label(self) -> str:
        return LABELS[self]


LABELS = {
    Feature.BRANDING: "Own logo and colours",
    Feature.DOMAINS: "Own domain",
    Feature.EXPERIMENTS: "Comparing models",
    Feature.SCHEDULES: "Reports by e-mail",
}


@dataclass(frozen=True, slots=True)
class Entitlements:
    """None: as much as the platform allows, which is what an organisation without a plan has."""

    plan: str = ""  # its name, for people
    seats: int | None = None
    documents: int | None = None
    storage_mb: int | None = None  # of all versions of documents
    questions: int | None = None  # in a calendar month, UTC
    questions_per_minute: int | None = None  # of all its people together
    # What one document may be.
    max_file_mb: int | None = None
    max_pages: int | None = None
    max_unpacked_mb: int | None = None
    max_parse_seconds: int | None = None
    max_parts: int | None = None
    features: tuple[str, ...] | None = None

    def allows(self, feature: Feature) -> bool:
        return self.features is None or feature in self.features

    def as_json(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if value not in (None, "")}

    @classmethod
    def of_json(cls, kept: Mapping[str, Any]) -> Entitlements:
        """What a newer version has written and this one does not know is left out."""
        known = {field.name: kept[field.name] for field in fields(cls) if field.name in kept}
        if known.get("features") is not None:
            known["features"] = tuple(known["features"])
        return cls(**known)
