from __future__ import annotations

from typing import Any

from django.urls import URLPattern, path

from billing import views, views_anomalies, views_budgets


def urlpatterns_with(answers_saved: views.AnswersSaved) -> list[URLPattern]:
    """The pages, told where to ask what only a higher app knows."""
    from_above: dict[str, Any] = {"answers_saved": answers_saved}
    return [
        path("usage/", views.usage, from_above, name="usage"),
        path("usage/budgets/", views_budgets.budgets, name="budgets"),
        path("usage/budgets/<uuid:budget_id>/", views_budgets.budget, name="budget"),
        path("usage/anomalies/<uuid:anomaly_id>/seen/", views_anomalies.seen, name="anomaly_seen"),
        path("usage/bars/hide/", views_budgets.hide_bar, name="hide_budget_bar"),
    ]
