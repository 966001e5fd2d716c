"""The wire shapes of budgets. Money is a string of decimals."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from rest_framework import serializers

from billing.budget_states import State
from billing.forms import MOST
from billing.models import Budget

SCOPES = (Budget.Scope.ORGANISATION, Budget.Scope.MEMBER)


def amount(**facts: Any) -> serializers.DecimalField:
    return serializers.DecimalField(max_digits=10, decimal_places=2, min_value=Decimal(0), max_value=MOST, **facts)


def fine(source: str, help_text: str = "") -> serializers.DecimalField:
    return serializers.DecimalField(
        source=source, help_text=help_text, max_digits=24, decimal_places=8, rounding=ROUND_HALF_UP
    )


class BudgetInput(serializers.Serializer[Any]):
    scope = serializers.ChoiceField(choices=SCOPES)
    member = serializers.UUIDField(
        required=False,
        allow_null=True,
        default=None,
        help_text="Of scope `member`: this one; without it each of them",
    )
    amount_gbp = amount()
    at_cap = serializers.ChoiceField(choices=Budget.AtCap.choices, default=Budget.AtCap.STOP)
    contact = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")
    period = serializers.ChoiceField(choices=Budget.Period.choices, default=Budget.Period.MONTHLY)
    starts_on = serializers.DateField(required=False, allow_null=True, default=None)
    ends_on = serializers.DateField(required=False, allow_null=True, default=None)


class BudgetChange(serializers.Serializer[Any]):
    amount_gbp = amount(required=False)
    at_cap = serializers.ChoiceField(choices=Budget.AtCap.choices, required=False)
    contact = serializers.CharField(max_length=200, required=False, allow_blank=True)
    is_active = serializers.BooleanField(required=False)


class BudgetStateOutput(serializers.Serializer[State]):
    subject = serializers.UUIDField(help_text="The organisation or a member")
    name = serializers.CharField()
    since = serializers.DateField()
    until = serializers.DateField()
    spent_gbp = fine("spent")
    reserved_gbp = fine("reserved", "The most that running answers may still cost")
    room_gbp = fine("room")
    forecast_gbp = fine("forecast", "At the end of the period, by the last four weeks")
    is_reached = serializers.BooleanField(help_text="A question found no room")


class BudgetOutput(serializers.ModelSerializer[Budget]):
    member = serializers.UUIDField(source="subject_id", allow_null=True)
    member_label = serializers.CharField(source="subject_label")
    amount_gbp = serializers.DecimalField(max_digits=16, decimal_places=2)
    states = BudgetStateOutput(many=True, help_text="As it stands, those nearest the cap first; 50 at most")

    class Meta:
        model = Budget
        fields = (
            "id",
            "scope",
            "member",
            "member_label",
            "amount_gbp",
            "period",
            "starts_on",
            "ends_on",
            "at_cap",
            "contact",
            "is_active",
            "created_at",
            "states",
        )
