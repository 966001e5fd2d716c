"""The wire shapes of usage reports. Money is a string of decimals, never a float."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from decimal import ROUND_HALF_UP
from typing import Any

from django.utils import timezone
from rest_framework import serializers

from billing.exporting import FILES
from billing.models import UsageEvent
from billing.reports import GROUPS, Line, Report

FORMATS = ("json", *FILES)


def pounds(help_text: str) -> serializers.DecimalField:
    return serializers.DecimalField(max_digits=40, decimal_places=8, rounding=ROUND_HALF_UP, help_text=help_text)


class FiguresOutput(serializers.Serializer[Any]):
    calls = serializers.IntegerField(help_text="Of providers, failed ones too")
    answers = serializers.IntegerField(help_text="Calls that wrote an answer")
    input_tokens = serializers.IntegerField(help_text="Cached and written ones too")
    cached_input_tokens = serializers.IntegerField()
    cache_write_tokens = serializers.IntegerField()
    output_tokens = serializers.IntegerField()
    unpriced_calls = serializers.IntegerField(help_text="No price was known: their cost is missing")
    estimated_calls = serializers.IntegerField(help_text="The provider told no tokens, they are our own count")
    cost_gbp = pounds("Pounds, at the prices of each call")
    cache_saved_gbp = pounds("What providers' own caches saved of it; negative where they cost more")


class UsageLineOutput(FiguresOutput):
    key = serializers.CharField(
        help_text="A day, provider/model, kind, cost centre or id, ids of several collections with commas; empty: none"
    )
    label = serializers.CharField()  # type: ignore[assignment]


# `from` is a word of Python, so these are made by name.
UsageQuery: type[serializers.Serializer[Any]] = type(
    "UsageQuery",
    (serializers.Serializer,),
    {
        "from": serializers.DateField(required=False, help_text="First day, of UTC; this month's first without it"),
        "to": serializers.DateField(required=False, help_text="Last day; today without it"),
        "group_by": serializers.ChoiceField(choices=GROUPS, default="day"),
        "format": serializers.ChoiceField(choices=FORMATS, default="json"),
    },
)
CallsQuery: type[serializers.Serializer[Any]] = type(
    "CallsQuery",
    (serializers.Serializer,),
    {
        "from": serializers.DateField(required=False, help_text="As of the report"),
        "to": serializers.DateField(required=False),
        "group_by": serializers.ChoiceField(choices=GROUPS),
        "key": serializers.CharField(allow_blank=True, max_length=4000, help_text="The key of the report's line"),
    },
)
UsageReportOutput: type[serializers.Serializer[Any]] = type(
    "UsageReportOutput",
    (serializers.Serializer,),
    {
        "from": serializers.DateField(),
        "to": serializers.DateField(),
        "group_by": serializers.ChoiceField(choices=GROUPS),
        "currency": serializers.CharField(),
        "lines": UsageLineOutput(many=True),
        "total": FiguresOutput(),
    },
)


class UsageCallOutput(serializers.ModelSerializer[UsageEvent]):
    """One call of a provider: figures, and no words of anybody."""

    answer = serializers.UUIDField(source="answer_id", allow_null=True, help_text="That it was made for")
    cost_gbp = pounds("Pounds, at the price of its moment")

    class Meta:
        model = UsageEvent
        fields = (
            *("created_at", "kind", "outcome", "provider", "model", "member_label", "answer"),
            *("input_tokens", "cached_input_tokens", "cache_write_tokens", "output_tokens", "is_estimated", "cost_gbp"),
        )


def period_of(wanted: dict[str, Any]) -> tuple[date, date]:
    today = timezone.now().date()
    return wanted.get("from") or today.replace(day=1), wanted.get("to") or today


def report_shown(report: Report) -> dict[str, Any]:
    data: dict[str, Any] = UsageReportOutput(
        {
            "from": report.since,
            "to": report.until,
            "group_by": report.group_by,
            "currency": "GBP",
            "lines": [line_shown(line) for line in report.lines],
            "total": asdict(report.total),
        }
    ).data
    return data


def line_shown(line: Line) -> dict[str, Any]:
    return {"key": line.key, "label": line.label, **asdict(line.figures)}
