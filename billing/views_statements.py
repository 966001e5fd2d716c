"""The pages with statements for finance, and with the single calls behind a line."""

from __future__ import annotations

import calendar
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from rest_framework.request import Request

from accounts.permissions import Can
from accounts.selectors import require, signed_in
from billing import statements as made
from billing.api import file_sent
from billing.calls import calls_of_line
from billing.exporting import FILES
from billing.labels import KIND_NAMES
from billing.money import places_for
from billing.reports import GROUPS, usage_report
from billing.serializers import CallsQuery, period_of
from billing.sheets import Sheet
from billing.views import AnswersSaved, asked_period, choices
from tenants.selectors import organisation_of
from vena_platform.errors import VenaError
from vena_platform.pagination import NewestFirst

DefaultModel = Callable[[], tuple[str, str]]  # provider and model that answer when nothing else was chosen
SHOWN = 100  # lines of a statement on the page; files have all


@login_required
def statements(request: HttpRequest, answers_saved: AnswersSaved, default_model: DefaultModel) -> HttpResponse:
    """Chargeback, savings and unit costs of a period; with `file`, one of them as CSV, XLSX or PDF."""
    require(signed_in(request), Can.READ_USAGE)
    since, until, problem = asked_period(request)
    organisation = organisation_of(request)
    charged = made.chargeback(organisation.pk, since, until)
    saved = made.savings(
        organisation.pk,
        since,
        until,
        total=charged.total,
        from_cache=answers_saved(since, until),
        default=default_model(),
    )
    months = [with_hits(one, since, until, answers_saved) for one in made.months(organisation.pk, since, until)]
    sheets: dict[str, Callable[[], Sheet]] = {
        "chargeback": lambda: made.chargeback_sheet(charged),
        "savings": lambda: made.savings_sheet(saved),
        "unit-costs": lambda: made.months_sheet(months, since, until),
    }
    wanted, ending = request.GET.get("file", ""), request.GET.get("format", "xlsx")
    if wanted in sheets and ending in FILES:
        return file_sent(sheets[wanted](), ending, organisation)
    return render(
        request,
        "billing/statements.html",
        {
            **choices(since, until),
            "problem": problem,
            "chargeback": charged,
            "charges": charged.charges[:SHOWN],
            "left_out": len(charged.charges[SHOWN:]),
            "savings": saved,
            "months": months,
            "places": places_for(charged.total.cost_gbp),
        },
    )


def with_hits(month: made.Month, since: date, until: date, answers_saved: AnswersSaved) -> made.Month:
    """Of the month's days that are in the period."""
    last = month.starts_on.replace(day=calendar.monthrange(month.starts_on.year, month.starts_on.month)[1])
    return replace(month, hits=answers_saved(max(since, month.starts_on), min(until, last))[0])


@login_required
def calls(request: HttpRequest) -> HttpResponse:
    """Time, model, tokens and cost of the calls of one line of the report."""
    require(signed_in(request), Can.READ_USAGE)
    form = CallsQuery(data=request.GET)
    try:
        facts = calls_shown(request, form.validated_data) if form.is_valid() else {}
    except VenaError as error:
        return render(request, "billing/calls.html", {"problem": error.text}, status=error.status)
    problem = "" if facts else "There is no such line in the report. Open the report again and choose one there."
    return render(request, "billing/calls.html", {"problem": problem, **facts}, status=200 if facts else 404)


def calls_shown(request: HttpRequest, wanted: dict[str, Any]) -> dict[str, Any]:
    organisation, (since, until) = organisation_of(request), period_of(wanted)
    group, key = wanted["group_by"], wanted["key"]
    rows = calls_of_line(organisation.pk, since, until, group, key)
    pages = NewestFirst()
    page = pages.paginate_queryset(rows, Request(request)) or []
    return {
        "since": since,
        "until": until,
        "title": label_of(organisation.pk, since, until, group, key),
        "rows": [(row, KIND_NAMES.get(row.kind, row.kind)) for row in page],
        "older": query_of(pages.get_next_link()),
        "newer": query_of(pages.get_previous_link()),
        "back": urlencode({"from": since.isoformat(), "to": until.isoformat()}),
    }


def label_of(organisation_id: Any, since: date, until: date, group: str, key: str) -> str:
    """What the report calls the line. That of a conversation is not looked for: its report is a long one."""
    if group not in GROUPS or group == "conversation":
        return "One conversation" if key else "Outside of conversations"
    lines = usage_report(organisation_id, since, until, group).lines
    return next((line.label for line in lines if line.key == key), "No calls")


def query_of(link: str | None) -> str:
    return urlsplit(link).query if link else ""
