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


class SubscriptionNotFound(VenaError):
    code, status = "subscription_not_found", 404
    message = "Your organisation has no subscription, so nothing is limited and nothing is charged."


class PlanNotOffered(VenaError):
    code, status = "plan_not_offered", 404
    message = "This plan is not offered. Choose one of those on the page."


class DetailsNeeded(VenaError):
    code, status = "billing_details_needed", 409
    message = "Say first whom invoices are made out to. Then choose the plan again."


class PaymentFirst(VenaError):
    code, status = "payment_first", 409
    message = "An invoice is unpaid. Pay it first; then another plan can be chosen."


class SubscriptionOver(VenaError):
    code, status = "subscription_over", 409
    message = "The subscription has ended already. Choose a plan to begin again."


class SellerMissing(VenaError):
    code, status = "seller_missing", 409
    message = "Nobody is named who issues the invoices. Fill in the seller first."


class VatRateMissing(VenaError):
    code, status = "vat_rate_missing", 409
    message = "There is no VAT rate for that day. Add one first."


class VatNumberNeeded(VenaError):
    code, status = "vat_number_needed", 422
    message = "In the EU we sell to businesses only, so a VAT number is needed."


class VatNumberWrong(VenaError):
    code, status = "vat_number_wrong", 422
    message = "This is no VAT number of that country. Check it for typing errors."


class MonthNotOver(VenaError):
    code, status = "month_not_over", 409
    message = "This month still runs. It can be closed when it is over and its last calls are in the books."


class InvoiceNotFound(VenaError):
    code, status = "invoice_not_found", 404
    message = "There is no such invoice."


class InvoiceClosed(VenaError):
    code, status = "invoice_closed", 409
    message = "This invoice is closed and stays as it is. Issue a credit note instead."


class CreditNotPossible(VenaError):
    code, status = "credit_not_possible", 422
    message = "So much can't be credited: it is more than is left of the invoice."


class PaymentNotPossible(VenaError):
    code, status = "payment_not_possible", 422
    message = "This payment can't be entered: it is nothing, or more than is open."


class InvoiceNegative(VenaError):
    code, status = "invoice_negative", 409
    message = "This month comes to less than nothing. Credit an earlier invoice, or add a line."


class NothingToPay(VenaError):
    code, status = "nothing_to_pay", 409
    message = "Nothing is open of this invoice."
