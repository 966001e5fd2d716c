"""The page of reports that are sent by e-mail."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from accounts.models import User
from accounts.permissions import Can, Role, may
from accounts.selectors import require, signed_in
from billing.actions_schedules import schedule_add, schedule_of, schedule_pause, schedule_remove
from billing.models import ReportSchedule, ReportSending
from billing.schedules import REPORTS, recipients
from tenants.selectors import organisation_of
from vena_platform.errors import VenaError

READERS = [role for role in Role if may(role, Can.READ_USAGE)]


class ScheduleForm(forms.Form):
    """People are chosen by id among those of the organisation whose schema is entered."""

    report = forms.ChoiceField(choices=list(REPORTS.items()), label="Report")
    every = forms.ChoiceField(choices=ReportSchedule.Every.choices, initial=ReportSchedule.Every.MONTH, label="When")
    formats = forms.MultipleChoiceField(
        choices=ReportSchedule.Format.choices,
        initial=[ReportSchedule.Format.PDF],
        widget=forms.CheckboxSelectMultiple,
        label="Files",
    )
    people = forms.MultipleChoiceField(
        required=False,
        label="To",
        widget=forms.CheckboxSelectMultiple,
        help_text="Nobody chosen: all owners and finance, as they are when it is sent.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        people = User.objects.filter(is_active=True, is_service=False, role__in=READERS)
        self.readers = {str(user.pk): user for user in people}
        self.fields["people"].choices = [(pk, user.email) for pk, user in self.readers.items()]  # type: ignore[attr-defined]

    def values(self) -> dict[str, Any]:
        """What `schedule_add` asks for."""
        chosen = [self.readers[pk] for pk in self.cleaned_data["people"]]
        return {**{name: self.cleaned_data[name] for name in ("report", "every", "formats")}, "people": chosen}


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def schedules(request: HttpRequest) -> HttpResponse:
    require(signed_in(request), Can.READ_USAGE)
    organisation = organisation_of(request)
    form = ScheduleForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            schedule_add(organisation=organisation, **form.values())
        except VenaError as error:
            form.add_error(None, error.text)
        else:
            messages.success(request, "Added. The first e-mail comes when the period that runs now has ended.")
            return redirect("usage_schedules")
    rows = ReportSchedule.objects.filter(organisation=organisation)
    return render(request, "billing/schedules.html", {"form": form, "cards": [card(organisation, row) for row in rows]})


def card(organisation: Any, row: ReportSchedule) -> dict[str, Any]:
    people = recipients(organisation, row.member_ids)
    return {
        "row": row,
        "title": REPORTS.get(row.report, row.report),
        "people": people,
        "is_named": bool(row.member_ids),
        "gone": len(row.member_ids) - len(people) if row.member_ids else 0,
        "formats": [ReportSchedule.Format(one).label for one in row.formats],
        "last": ReportSending.objects.filter(schedule=row).order_by("-since").first(),
    }


@login_required
@require_POST
def schedule(request: HttpRequest, schedule_id: UUID) -> HttpResponse:
    """Pause it, let it go on, or remove it."""
    require(signed_in(request), Can.READ_USAGE)
    try:
        row = schedule_of(organisation_of(request), schedule_id)
        match request.POST.get("act"):
            case "remove":
                schedule_remove(row)
                messages.success(request, "Removed. Nobody gets this report any more.")
            case "pause" | "resume" as act:
                schedule_pause(row, is_active=act == "resume")
                messages.success(request, "Paused." if act == "pause" else "It is sent again from this period on.")
    except VenaError as error:
        messages.error(request, error.text)
    return redirect("usage_schedules")
