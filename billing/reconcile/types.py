from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

LONGEST_MODEL = 120


@dataclass(frozen=True, slots=True)
class ProviderLine:
    """What a provider says that one model used on one day of UTC, or, with nothing but `cost_usd`, what it charged.

    Input includes what was read from a cache and what was written to it, as in the ledger.
    """

    day: date
    model: str  # of a cost: what the invoice calls it
    calls: int | None = None  # None: it does not say
    input_tokens: int = 0
    cached_input_tokens: int = 0
    cache_write_tokens: int = 0
    output_tokens: int = 0
    cost_usd: Decimal | None = None

    @property
    def kind(self) -> str:
        return "usage" if self.cost_usd is None else "cost"

    def __add__(self, other: ProviderLine) -> ProviderLine:
        return replace(
            self,
            calls=None if self.calls is None or other.calls is None else self.calls + other.calls,
            input_tokens=self.input_tokens + other.input_tokens,
            cached_input_tokens=self.cached_input_tokens + other.cached_input_tokens,
            cache_write_tokens=self.cache_write_tokens + other.cache_write_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cost_usd=None if self.cost_usd is None or other.cost_usd is None else self.cost_usd + other.cost_usd,
        )


def together(lines: Iterable[ProviderLine]) -> list[ProviderLine]:
    """One line for each day and model: files are cut by the hour, by key, by project. Usage and costs stay apart."""
    found: dict[tuple[str, date, str], ProviderLine] = {}
    for line in lines:
        key = (line.kind, line.day, line.model)
        found[key] = found[key] + line if key in found else line
    return [found[key] for key in sorted(found)]
