"""A plan as the page offers it to an organisation: what it costs, when it would count, what it would take away."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from billing.models import Plan, Subscription
from billing.plans.periods import next_month
from billing.plans.sizes import Loss, Sizes, losses, megabytes, number
from tenants.entitlements import Feature

State = Subscription.State


@dataclass(frozen=True, slots=True)
class Offer:
    plan: Plan
    is_current: bool
    is_planned: bool
    counts_from: date
    is_later: bool  # not from today
    losses: tuple[Loss, ...]
    contents: tuple[str, ...]  # what it has, in words

    @property
    def breaks(self) -> bool:
        return any(loss.is_too_small for loss in self.losses)


def offer_of(plan: Plan, row: Subscription | None, sizes: Sizes, on: date) -> Offer:
    is_running = row is not None and row.state in {State.ACTIVE, State.TRIAL}
    is_current = row is not None and row.plan == plan and row.state not in {State.ENDED, State.SUSPENDED}
    is_cheaper = row is not None and plan.monthly_price_gbp < row.plan.monthly_price_gbp
    is_later = bool(row and row.state == State.ACTIVE and is_cheaper)
    had = row.plan.entitlements if row and is_running else plan.entitlements
    return Offer(
        plan=plan,
        is_current=is_current,
        is_planned=row is not None and row.next_plan == plan,
        counts_from=next_month(on) if is_later else on,
        is_later=is_later,
        losses=tuple(losses(sizes, had, plan.entitlements)),
        contents=tuple(contents_of(plan)),
    )


def contents_of(plan: Plan) -> list[str]:
    features = [Feature(one).label for one in plan.features if one in set(Feature)]
    return [
        counted(plan.seats, "seat", "seats", "Any number of people"),
        counted(plan.document_limit, "document", "documents", "Any number of documents"),
        f"{megabytes(plan.storage_mb)} of storage" if plan.storage_mb is not None else "Storage without a limit",
        counted(plan.questions_a_month, "question a month", "questions a month", "Any number of questions"),
        usage_of(plan),
        *features,
    ]


def counted(value: int | None, one: str, many: str, without: str) -> str:
    return without if value is None else f"{number(value)} {one if value == 1 else many}"


def usage_of(plan: Plan) -> str:
    if not plan.is_usage_charged:
        return "Usage in the price"
    markup = f" and {plan.usage_markup_percent.normalize():f} %" if plan.usage_markup_percent else ""
    at = f"at the providers' prices{markup}"
    return f"£{plan.included_usage_gbp:,.2f} of usage, then {at}" if plan.included_usage_gbp else f"Usage {at}"
