from __future__ import annotations

from django.urls import path

from billing import api, api_budgets

urlpatterns = [
    path("usage/", api.UsageApi.as_view(), name="usage_api"),
    path("usage/calls/", api.UsageCallsApi.as_view()),
    path("budgets/", api_budgets.BudgetsApi.as_view()),
    path("budgets/<uuid:budget_id>/", api_budgets.BudgetApi.as_view()),
]
