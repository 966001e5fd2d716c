"""For operators: what each organisation cost the platform in a month, what it pays, and what is left."""

from __future__ import annotations

import calendar
import logging
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from billing.exporting import file_of, media_type
from billing.money import places_for, share
from billing.reports import FIGURES, Figures, figures_of, lines_of, period_conditions
from billing.revenue import revenue_of
from billing.rollups import MEMBERS, label_of
from billing.sheets import About, Sheet
from tenants.models import Organisation
from vena_platform.admin_sites import operator_admin

logger = logging.getLogger(__name__)

NOBODY = UUID(int=0)  # the query is of all organisations
BY_ORGANISATION = f"""
WITH lines AS ({lines_of(MEMBERS, of_all=True)})
SELECT organisation_id, count(DISTINCT member_id), {FIGURES} FROM lines GROUP BY organisation_id
"""
MONTHS_OFFERED = 12
FILES = ("csv", "xlsx")


@dataclass(frozen=True, slots=True)
class Account:
    """One organisation's month."""

    organisation_id: UUID
    name: str
    state: str  # "deleted" where only the ledger knows it
    people: int
    figures: Figures
    revenue_gbp: Decimal

    @property
    def margin_gbp(self) -> Decimal:
        return self.revenue_gbp - self.figures.cost_gbp

    @property
    def margin_percent(self) -> Decimal | None:
        return share(self.margin_gbp, self.revenue_gbp) if self.revenue_gbp else None


@dataclass(frozen=True, slots=True)
class Finance:
    since: date
    until: date
    revenue_from: str
    accounts: tuple[Account, ...]  # the least left first

    @property
    def total(self) -> Account:
        figures = sum((one.figures for one in self.accounts), Figures())
        revenue = sum((one.revenue_gbp for one in self.accounts), Decimal(0))
        return Account(NOBODY, "Total", "", sum(one.people for one in self.accounts), figures, revenue)


def platform_finance(month: date) -> Finance:
    since, until = month, month.replace(day=calendar.monthrange(month.year, month.month)[1])
    rows = period_conditions(NOBODY, since, until).rows(BY_ORGANISATION)
    used = {organisation: (people, figures_of(sums)) for organisation, people, *sums in rows}
    revenue, source = revenue_of(month)
    here = {row.pk: row for row in Organisation.objects.exclude(schema_name="public")}
    accounts = [
        Account(
            organisation_id=pk,
            name=here[pk].name if pk in here else label_of(pk),
            state=here[pk].state if pk in here else "deleted",
            people=used.get(pk, (0, Figures()))[0],
            figures=used.get(pk, (0, Figures()))[1],
            revenue_gbp=revenue.get(pk, Decimal(0)),
        )
        for pk in {*used, *here}
    ]
    accounts.sort(key=lambda one: (one.margin_gbp, one.name))
    return Finance(since, until, source, tuple(accounts))


def finance_sheet(made: Finance) -> Sheet:
    return Sheet(
        title="Platform finance",
        name="Finance",
        columns=(
            *("Organisation", "Organisation id", "State"),
            *("People", "Answers", "Calls", "Calls without a price", "Cost in GBP", "Revenue in GBP", "Margin in GBP"),
        ),
        keys=3,
        rows=tuple((one.name, str(one.organisation_id), one.state, *facts_of(one)) for one in made.accounts),
        total=facts_of(made.total),
        since=made.since,
        until=made.until,
        stem="platform-finance",
        notes=(f"Revenue is from {made.revenue_from}.",),
    )


def facts_of(one: Account) -> tuple[int | Decimal, ...]:
    figures = one.figures
    counts = (one.people, figures.answers, figures.calls, figures.unpriced_calls)
    return *counts, figures.cost_gbp, one.revenue_gbp, one.margin_gbp


def finance(request: HttpRequest) -> HttpResponse:
    """The operators' page, and its files."""
    month, problem = asked_month(request.GET.get("month", ""))
    made, ending = platform_finance(month), request.GET.get("format", "")
    if ending in FILES:
        sheet = finance_sheet(made)
        logger.info("finance.exported", extra={"file": sheet.file_name(ending), "operator": str(request.user.pk)})
        response = HttpResponse(file_of(sheet, ending, About("All organisations", timezone.now())))
        response["Content-Type"] = media_type(ending)
        response["Content-Disposition"] = f'attachment; filename="{sheet.file_name(ending)}"'
        response["X-Content-Type-Options"], response["Cache-Control"] = "nosniff", "no-store"
        return response
    context: dict[str, Any] = {
        **operator_admin.each_context(request),
        "title": "Finance",
        "finance": made,
        "problem": problem,
        "months": months_before(timezone.now().date()),
        "places": places_for(made.total.figures.cost_gbp),
    }
    return TemplateResponse(request, "admin/finance.html", context)


def asked_month(text: str) -> tuple[date, str]:
    this_month = timezone.now().date().replace(day=1)
    if not text:
        return this_month, ""
    try:
        month = date.fromisoformat(f"{text}-01")
    except ValueError:
        return this_month, "Write the month like 2026-03. This month is shown instead."
    return (
        (month, "") if month <= this_month else (this_month, "That month has not begun. This month is shown instead.")
    )


def months_before(today: date) -> list[date]:
    found = [today.replace(day=1)]
    while len(found) < MONTHS_OFFERED:
        found.append((found[-1] - date.resolution).replace(day=1))
    return found
