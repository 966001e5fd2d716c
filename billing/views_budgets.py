"""The page that gives, changes and switches off budgets, and says how they stand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods, require_POST

from accounts.permissions import Can
from accounts.selectors import require, signed_in
from billing.actions import budget_change, budget_give
from billing.bars import bar_hide
from billing.budget_states import STATES_SHOWN, State, budget_of, budgets_of_organisation, nearest, states_of
from billing.forms import BudgetChangeForm, BudgetForm
from billing.models import Budget
from tenants.selectors import organisation_of
from vena_platform.errors import VenaError


@dataclass(frozen=True, slots=True)
class Card:
    budget: Budget
    title: str
    states: list[State]
    left_out: int
    form: BudgetChangeForm

    @property
    def is_of_each(self) -> bool:
        return self.budget.scope == Budget.Scope.MEMBER and self.budget.subject_id is None


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def budgets(request: HttpRequest) -> HttpResponse:
    require(signed_in(request), Can.MANAGE_BUDGETS)
    organisation = organisation_of(request)
    form = BudgetForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        values = {name: form.cleaned_data[name] for name in ("amount_gbp", "at_cap", "contact")}
        try:
            budget_give(organisation=organisation, **form.scope(), **values)
        except VenaError as error:
            form.add_error(None, error.text)
        else:
            messages.success(request, "The budget holds from now on.")
            return redirect("budgets")
    return render(request, "billing/budgets.html", {"form": form, **context(request)})


def context(request: HttpRequest) -> dict[str, Any]:
    organisation = organisation_of(request)
    rows = list(budgets_of_organisation(organisation))
    states = states_of(organisation, [row for row in rows if row.is_active], timezone.now().date())
    cards = [card(row, organisation.name, states.get(row.pk, [])) for row in rows if row.is_active]
    return {
        "cards": cards,
        "off": [card(row, organisation.name, []) for row in rows if not row.is_active][:STATES_SHOWN],
        "nearest": nearest(state for one in states.values() for state in one),
    }


def card(budget: Budget, organisation: str, states: list[State]) -> Card:
    values = {"amount_gbp": f"{budget.amount_gbp:.2f}", "at_cap": budget.at_cap, "contact": budget.contact}
    form = BudgetChangeForm(initial=values, auto_id=f"id_{budget.pk}_%s")
    return Card(budget, title(budget, organisation), states[:STATES_SHOWN], len(states[STATES_SHOWN:]), form)


def title(budget: Budget, organisation: str) -> str:
    match budget.scope, budget.subject_id:
        case Budget.Scope.ORGANISATION, _:
            return organisation
        case Budget.Scope.MEMBER, None:
            return "Each person"
    return budget.subject_label or str(budget.subject_id)


@login_required
@require_POST
def budget(request: HttpRequest, budget_id: UUID) -> HttpResponse:
    """Change it, or switch it off or on."""
    require(signed_in(request), Can.MANAGE_BUDGETS)
    try:
        row = budget_of(organisation_of(request), budget_id)
        if request.POST.get("act") in {"off", "on"}:
            budget_change(row, is_active=request.POST["act"] == "on")
            messages.success(request, "The budget is on." if row.is_active else "The budget is off.")
        else:
            change(request, row)
    except VenaError as error:
        messages.error(request, error.text)
    return redirect("budgets")


def change(request: HttpRequest, row: Budget) -> None:
    form = BudgetChangeForm(request.POST)
    if form.is_valid():
        budget_change(row, **form.cleaned_data)
        messages.success(request, "Saved. The budget holds as it is now.")
    else:
        told = [f"{form.fields[name].label}: {' '.join(map(str, errors))}" for name, errors in form.errors.items()]
        messages.error(request, " ".join(told))


@login_required
@require_POST
def hide_bar(request: HttpRequest) -> HttpResponse:
    """Until the next warning of the same budget."""
    bar_hide(request.session, request.POST.get("bar", ""))
    back = request.POST.get("back", "/")
    is_ours = url_has_allowed_host_and_scheme(back, {request.get_host()}, require_https=request.is_secure())
    return redirect(back if is_ours else "/")
