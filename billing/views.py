"""The page about what was used and what it cost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from accounts.permissions import Can
from accounts.selectors import require, signed_in
from billing.anomalies import anomalies_unseen
from billing.chart import chart_of
from billing.errors import PeriodNotPossible
from billing.models import RolledDay, UsageDifference
from billing.money import each, places_for, share
from billing.reports import Line, Report, check_period, usage_reports
from billing.serializers import UsageQuery, period_of
from tenants.selectors import organisation_of

AnswersSaved = Callable[[date, date], tuple[int, Decimal]]  # hits of the answer cache on some days, and their worth
LINES_SHOWN = 50
TABLES = (
    ("member", "By person", "Person"),
    ("group", "By group", "Group"),
    ("cost_centre", "By cost centre", "Cost centre"),
    ("model", "By model", "Model"),
    ("kind", "By what it was for", "For"),
    ("collection", "By collection", "Collection"),
    ("key", "By API key", "API key"),
)
CONVERSATIONS = ("conversation", "By conversation", "Conversation")
SHOWN = ("day", *(group for group, _, _ in TABLES))


@dataclass(frozen=True, slots=True)
class Row:
    line: Line
    share: Decimal  # of the total cost, in percent


@dataclass(frozen=True, slots=True)
class Table:
    group: str
    title: str
    first: str  # name of the first column
    rows: tuple[Row, ...]
    left_out: int


@login_required
def usage(request: HttpRequest, answers_saved: AnswersSaved) -> HttpResponse:
    require(signed_in(request), Can.READ_USAGE)
    since, until, problem = asked_period(request)
    organisation = organisation_of(request)
    with_conversations = request.GET.get("show") == "conversations"
    groups = (*SHOWN, "conversation") if with_conversations else SHOWN
    reports = usage_reports(organisation.pk, since, until, groups)
    total = reports["day"].total
    hits, saved = answers_saved(since, until)
    people = sum(1 for line in reports["member"].lines if line.key)
    return render(
        request,
        "billing/usage.html",
        {
            **choices(since, until),
            "problem": problem,
            "total": total,
            "places": places_for(total.cost_gbp),
            "people": people,
            "cost_of_answer": each(total.cost_gbp, total.answers + hits),
            "cost_of_person": each(total.cost_gbp, people),
            "hits": hits,
            "saved": saved,
            "chart": chart_of(reports["day"]),
            "days": reports["day"].lines,
            "tables": [
                table(reports[group], title, first)
                for group, title, first in (*TABLES, *([CONVERSATIONS] if with_conversations else []))
                if says_something(reports[group])
            ],
            "with_conversations": with_conversations,
            "anomalies": anomalies_unseen(organisation),
            "differences": UsageDifference.objects.filter(
                organisation_id=organisation.pk, day__range=(since, until), mended_at__isnull=True
            ),
            "checked_at": RolledDay.objects.filter(checked_at__isnull=False)
            .order_by("-checked_at")
            .values_list("checked_at", flat=True)
            .first(),
        },
    )


def asked_period(request: HttpRequest) -> tuple[date, date, str]:
    """First and last day, and what is wrong with those that were asked for, if they can't be."""
    form = UsageQuery(data={name: value for name, value in request.GET.items() if value})
    if not form.is_valid():
        return *period_of({}), "Write both days as year, month and day, for instance 2026-03-31."
    period = period_of(form.validated_data)
    try:
        check_period(*period)
    except PeriodNotPossible as error:
        return *period_of({}), error.text
    return *period, ""


def choices(since: date, until: date) -> dict[str, Any]:
    """The period, and the two that are chosen most."""
    today = timezone.now().date()
    this_month = today.replace(day=1)
    last_month = (this_month - timedelta(days=1)).replace(day=1)
    periods = [
        ("This month", this_month, today),
        ("Last month", last_month, this_month - timedelta(days=1)),
        ("Last 12 months", (this_month - timedelta(days=335)).replace(day=1), today),
    ]
    return {
        "since": since,
        "until": until,
        "is_running": until >= today,
        "periods": [(name, start, end, (start, end) == (since, until)) for name, start, end in periods],
    }


def says_something(report: Report) -> bool:
    """One line for all that is without a group, or a key, is the total again."""
    return [line.key for line in report.lines] != [""] or report.group_by == "member"


def table(report: Report, title: str, first: str) -> Table:
    rows = tuple(Row(line, share(line.figures.cost_gbp, report.total.cost_gbp)) for line in report.lines[:LINES_SHOWN])
    return Table(report.group_by, title, first, rows, len(report.lines) - len(rows))
