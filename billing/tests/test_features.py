"""What a plan leaves out can't be begun; what is there stays."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from accounts.permissions import Role
from billing.actions_schedules import schedule_add
from billing.models import ReportSchedule
from billing.schedules import reports_due
from tenants.actions import organisation_entitle
from tenants.entitlements import Entitlements, Feature
from tenants.errors import NotInPlan
from tenants.models import Branding, Organisation

NOTHING = Entitlements(features=())


def test_reports_by_mail_are_neither_added_nor_sent_without_them(acme: Organisation, globex: Organisation) -> None:
    for organisation in (acme, globex):
        schedule_add(organisation=organisation, report="day", every="month", formats=["csv"])
    ReportSchedule.objects.update(starts_on="2026-01-01")
    organisation_entitle(acme, NOTHING)
    with pytest.raises(NotInPlan, match="Reports by e-mail"):
        schedule_add(organisation=acme, report="day", every="month", formats=["csv"])
    due = [one.schedule.organisation for one in reports_due(datetime(2026, 5, 2, tzinfo=UTC))]
    assert due == [globex]


def test_branding_is_kept_but_not_shown(acme: Organisation, signed_in_as: Callable[..., Any]) -> None:
    Branding.objects.create(organisation=acme, accent="#aa3300", assistant_name="Adalbert")
    browser = signed_in_as(acme, Role.OWNER)
    assert "Adalbert" in browser.get("/organisation/branding/").content.decode()
    organisation_entitle(acme, NOTHING)
    page = browser.get("/organisation/branding/").content.decode()
    assert "Adalbert" not in page
    refused = browser.post("/organisation/branding/", {"name": "Acme", "accent": "#0000aa"})
    assert (refused.status_code, "not in your plan" in refused.content.decode()) == (422, True)
    renamed = browser.post("/organisation/branding/", {"name": "Acme Two"})
    assert renamed.status_code == 302
    assert Organisation.objects.get(pk=acme.pk).name == "Acme Two"
    assert Branding.objects.get(organisation=acme).accent == "#aa3300"


@pytest.mark.parametrize("kept", [{}, {"features": ["branding"], "of_a_newer_version": 1}])
def test_what_is_kept_can_be_read(kept: dict[str, Any]) -> None:
    assert Entitlements.of_json(kept).allows(Feature.BRANDING)
    assert Entitlements.of_json(Entitlements.of_json(kept).as_json()) == Entitlements.of_json(kept)
