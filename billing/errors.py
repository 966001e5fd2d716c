"""Refusals of `billing`: which rule refused, and whom to ask."""

from __future__ import annotations

from decimal import Decimal

from vena_platform.errors import VenaError


class BudgetReached(VenaError):
    """No room for what the question may cost. `at_cap` is what the admin chose to happen."""

    code, status = "budget_reached", 402
    message = "The budget for questions is used up. Ask your administrator for more."

    def __init__(self, *, name: str, limit: Decimal, at_cap: str, contact: str = "") -> None:
        self.name, self.limit, self.at_cap = name, limit, at_cap
        whom = contact or "your administrator"
        self.told_of_cheaper = (
            f"The budget of £{limit:,.2f} for {name} has no room for the usual model, so a cheaper one answers. "
            f"Ask {whom} for more."
        )
        super().__init__(
            f"The budget of £{limit:,.2f} for {name} is used up. Ask {whom} for more; earlier answers stay readable.",
            detail=f"{name} at {limit}",
        )


class AnomalyNotFound(VenaError):
    code, status = "anomaly_not_found", 404
    message = "This notice is not there. Open the usage page again."


class PeriodNotPossible(VenaError):
    code, status = "period_not_possible", 422
    message = "There is no report for this period. Choose another one."


class LineNotFound(VenaError):
    code, status = "line_not_found", 404
    message = "There is no such line in the report. Open the report again and choose one there."


class ScheduleNotFound(VenaError):
    code, status = "schedule_not_found", 404
    message = "This report by e-mail is not there. Open the list of reports again."


class ScheduleNotPossible(VenaError):
    code, status = "schedule_not_possible", 422
    message = "A report can't be sent like this. Choose a report and at least one kind of file."


class BudgetNotFound(VenaError):
    code, status = "budget_not_found", 404
    message = "This budget is not there. Open the list of budgets again."


class BudgetExists(VenaError):
    code, status = "budget_exists", 409
    message = "There is a monthly budget for this already. Change that one, or switch it off first."


class BudgetNotPossible(VenaError):
    code, status = "budget_not_possible", 422
    message = "A budget can't be given like this."


class CallIsCorrected(VenaError):
    code, status = "call_is_corrected", 409
    message = "This entry was taken back already. Correct the one that stands for it."


class CorrectionNotPossible(VenaError):
    code, status = "correction_not_possible", 422
    message = "The ledger can't be corrected like this."


class UsageFileUnreadable(VenaError):
    code, status = "usage_file_unreadable", 422
    message = "This file can't be read as a provider's usage."
