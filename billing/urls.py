from __future__ import annotations

from typing import Any

from django.urls import URLPattern, path

from billing import views, views_anomalies, views_budgets, views_schedules, views_statements
from billing.invoicing.views import invoice_file
from billing.plans import views as plans
from billing.plans.sizes import SizesOf


def urlpatterns_with(
    answers_saved: views.AnswersSaved, default_model: views_statements.DefaultModel, sizes_of: SizesOf
) -> list[URLPattern]:
    """The pages, told where to ask what only a higher app knows."""
    from_above: dict[str, Any] = {"answers_saved": answers_saved}
    return [
        path("usage/", views.usage, from_above, name="usage"),
        path("usage/calls/", views_statements.calls, name="usage_calls"),
        path(
            "usage/statements/",
            views_statements.statements,
            {**from_above, "default_model": default_model},
            name="usage_statements",
        ),
        path("usage/schedules/", views_schedules.schedules, name="usage_schedules"),
        path("usage/schedules/<uuid:schedule_id>/", views_schedules.schedule, name="usage_schedule"),
        path("usage/budgets/", views_budgets.budgets, name="budgets"),
        path("usage/budgets/<uuid:budget_id>/", views_budgets.budget, name="budget"),
        path("usage/anomalies/<uuid:anomaly_id>/seen/", views_anomalies.seen, name="anomaly_seen"),
        path("billing/", plans.overview, {"sizes_of": sizes_of}, name="billing"),
        path("billing/plans/<slug:slug>/", plans.choose, {"sizes_of": sizes_of}, name="billing_choose"),
        path("billing/cancel/", plans.cancel, name="billing_cancel"),
        path("billing/resume/", plans.resume, name="billing_resume"),
        path("billing/details/", plans.details, name="billing_details"),
        path("billing/card/", plans.card, name="billing_card"),
        path("billing/invoices/<uuid:invoice_id>/pay/", plans.pay, name="billing_pay"),
        path("billing/invoices/<uuid:invoice_id>/", invoice_file, name="billing_invoice"),
        path("usage/bars/hide/", views_budgets.hide_bar, name="hide_budget_bar"),
    ]
