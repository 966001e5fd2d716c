"""REST: budgets."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.errors import PersonNotFound
from accounts.models import User
from accounts.permissions import Can
from accounts.selectors import require, signed_in
from billing.actions import budget_change, budget_give
from billing.budget_states import STATES_SHOWN, budget_of, budgets_of_organisation, states_of
from billing.errors import BudgetNotPossible
from billing.models import Budget
from billing.serializers_budgets import BudgetChange, BudgetInput, BudgetOutput
from tenants.models import Organisation
from tenants.selectors import organisation_of
from vena_platform.idempotency import once
from vena_platform.pagination import NewestFirst, page_of


def allowed(request: Request) -> Organisation:
    require(signed_in(request), Can.MANAGE_BUDGETS)
    return organisation_of(request._request)


class BudgetsApi(APIView):
    @extend_schema(operation_id="budgets_list", responses=page_of(BudgetOutput))
    def get(self, request: Request) -> Response:
        """Those that are switched off too. For owners, admins and finance."""
        organisation = allowed(request)
        pages = NewestFirst()
        rows = pages.paginate_queryset(budgets_of_organisation(organisation), request, self) or []
        return pages.get_paginated_response([shown(row) for row in with_states(organisation, rows)])

    @extend_schema(request=BudgetInput, responses={201: BudgetOutput})
    def post(self, request: Request) -> Response:
        """It holds at once, and begins with what was spent in its period already."""
        organisation = allowed(request)
        form = BudgetInput(data=request.data)
        form.is_valid(raise_exception=True)
        wanted = {**form.validated_data, "member": member_of(form.validated_data)}

        def give() -> Response:
            row = budget_give(organisation=organisation, **wanted)
            return Response(shown(*with_states(organisation, [row])), status=201)

        return once(request, give)


class BudgetApi(APIView):
    @extend_schema(operation_id="budgets_retrieve", responses=BudgetOutput)
    def get(self, request: Request, budget_id: UUID) -> Response:
        organisation = allowed(request)
        return Response(shown(*with_states(organisation, [budget_of(organisation, budget_id)])))

    @extend_schema(request=BudgetChange, responses=BudgetOutput)
    def patch(self, request: Request, budget_id: UUID) -> Response:
        """Change the amount, what happens at the cap, whom to ask, or switch it off and on."""
        organisation = allowed(request)
        row = budget_of(organisation, budget_id)
        form = BudgetChange(data=request.data)
        form.is_valid(raise_exception=True)
        budget_change(row, **form.validated_data)
        return Response(shown(*with_states(organisation, [row])))


def member_of(wanted: dict[str, Any]) -> User | None:
    if wanted["member"] is None:
        return None
    if wanted["scope"] != Budget.Scope.MEMBER:
        raise BudgetNotPossible("A budget of the whole organisation names no member. Leave the member out.")
    person = User.objects.filter(pk=wanted["member"]).first()
    if person is None:
        raise PersonNotFound
    return person


def with_states(organisation: Organisation, rows: list[Budget]) -> list[tuple[Budget, Any]]:
    states = states_of(organisation, [row for row in rows if row.is_active], timezone.now().date())
    return [(row, states.get(row.pk, [])[:STATES_SHOWN]) for row in rows]


def shown(one: tuple[Budget, Any]) -> dict[str, Any]:
    row: Any = one[0]
    row.states = one[1]
    data: dict[str, Any] = BudgetOutput(row).data
    return data
