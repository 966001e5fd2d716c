"""Usage reports over REST: who may read them, and that JSON, CSV and XLSX say the same."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree  # type: ignore[import-untyped]
from python_calamine import CalamineWorkbook

from accounts.permissions import Role
from billing.exporting import csv_of, inert, xlsx_of
from billing.metering import record_usage
from billing.reports import Figures, Line, Report
from billing.sheets import About
from billing.types import UsageRecord
from tenants.models import Organisation

Call = Callable[..., UsageRecord]
USAGE = "/api/v1/usage/"
COST = Decimal("0.00553")
EVIL = '=HYPERLINK("http://evil.example","ada")'


@pytest.fixture
def used(acme: Organisation, globex: Organisation, call: Call) -> None:
    record_usage([call(member_id=uuid4(), member_label=EVIL), call(kind="rewrite", model="gpt-4o-mini")])
    record_usage([replace(call(), tenant=globex.key)])


@pytest.mark.parametrize(
    ("role", "status"), [(Role.OWNER, 200), (Role.ADMIN, 200), (Role.FINANCE, 200), (Role.MEMBER, 403)]
)
def test_who_may_read_it(acme: Organisation, signed_in_as: Any, role: Role, status: int) -> None:
    assert signed_in_as(acme, role).get(USAGE).status_code == status


def test_nobody_reads_it_unasked(acme: Organisation, on_host: Any) -> None:
    assert on_host(acme).get(USAGE).status_code == 401


def test_a_key_reads_what_its_person_may(acme: Organisation, make_person: Any, make_key: Any, on_host: Any) -> None:
    for role, status in ((Role.FINANCE, 200), (Role.MEMBER, 403)):
        key = make_key(acme, make_person(acme, f"{role}@acme.example", role))
        response = on_host(acme).get(USAGE, headers={"authorization": f"Bearer {key}"})
        assert response.status_code == status


@pytest.mark.usefixtures("used")
def test_money_is_a_string_and_every_grouping_sums_to_the_total(acme: Organisation, signed_in_as: Any) -> None:
    browser = signed_in_as(acme)
    for group in ("day", "member", "model", "kind"):
        report = browser.get(USAGE, {"group_by": group}).json()
        assert (report["group_by"], report["currency"]) == (group, "GBP")
        costs = [line["cost_gbp"] for line in report["lines"]]
        assert all(isinstance(cost, str) for cost in costs)
        assert str(sum(map(Decimal, costs))) == report["total"]["cost_gbp"]
        assert (report["total"]["calls"], report["total"]["answers"]) == (2, 1)


@pytest.mark.usefixtures("used")
def test_each_organisation_reads_its_own(acme: Organisation, globex: Organisation, signed_in_as: Any) -> None:
    ours, theirs = (signed_in_as(one).get(USAGE, {"group_by": "kind"}).json() for one in (acme, globex))
    assert [line["key"] for line in ours["lines"]] == ["chat", "rewrite"]
    assert [line["key"] for line in theirs["lines"]] == ["chat"]
    assert theirs["total"]["cost_gbp"] == f"{COST:.8f}"


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({"from": "2026-02-02", "to": "2026-02-01"}, 422, "period_not_possible"),
        ({"from": "yesterday"}, 400, "invalid"),
        ({"group_by": "mood"}, 400, "invalid"),
        ({"format": "doc"}, 400, "invalid"),
    ],
    ids=["backwards", "no-date", "no-group", "no-format"],
)
def test_what_can_not_be_is_refused(acme: Organisation, signed_in_as: Any, query: Any, status: int, code: str) -> None:
    response = signed_in_as(acme).get(USAGE, query)
    assert (response.status_code, response.json()["code"]) == (status, code)


# -- files ----------------------------------------------------------------------------------------


@pytest.mark.usefixtures("used")
def test_csv_and_xlsx_say_what_json_says(acme: Organisation, signed_in_as: Any) -> None:
    browser = signed_in_as(acme)
    shown = browser.get(USAGE, {"group_by": "member"}).json()
    as_csv = browser.get(USAGE, {"group_by": "member", "format": "csv"})
    assert as_csv["Content-Type"] == "text/csv; charset=utf-8"
    assert 'filename="usage-by-member-' in as_csv["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(as_csv.content.decode(), newline="")))
    assert [row["Cost in GBP"] for row in rows] == [line["cost_gbp"] for line in shown["lines"]]
    assert rows[0]["Member"] == f"'{EVIL}"
    as_xlsx = browser.get(USAGE, {"group_by": "member", "format": "xlsx"})
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(as_xlsx.content)).get_sheet_by_name("Usage").to_python()
    names, *lines, total = sheet
    assert [line[names.index("Member")] for line in lines] == [line["label"] for line in shown["lines"]]
    assert lines[0][names.index("Member")] == EVIL  # a text, and no formula
    money = names.index("Cost in GBP")
    assert [f"{line[money]:.8f}" for line in lines] == [line["cost_gbp"] for line in shown["lines"]]
    assert f"{total[money]:.8f}" == shown["total"]["cost_gbp"]


def report_by_day() -> Report:
    lines = [
        Line(day, day, Figures(calls=2, cost_gbp=Decimal(cost)))
        for day, cost in (("2026-11-01", "0.00000001"), ("2026-11-02", "12345.67890123"))
    ]
    return Report(date(2026, 11, 1), date(2026, 11, 2), "day", tuple(lines), lines[0].figures + lines[1].figures)


def test_days_are_dates_and_totals_are_formulas() -> None:
    content = xlsx_of(report_by_day(), About("Acme", datetime(2026, 11, 3, tzinfo=UTC)))
    book = CalamineWorkbook.from_filelike(io.BytesIO(content))
    rows = book.get_sheet_by_name("Usage").to_python()
    assert [rows[1][0], rows[2][0]] == [date(2026, 11, 1), date(2026, 11, 2)]
    assert book.get_sheet_by_name("About").to_python()[0] == ["Organisation", "Acme"]
    xml = etree.fromstring(zipfile.ZipFile(io.BytesIO(content)).read("xl/worksheets/sheet1.xml"))
    space = {"x": xml.nsmap[None]}
    formulas = xml.xpath("//x:c/x:f/text()", namespaces=space)
    assert formulas[:2] == ["SUM(B2:B3)", "SUM(C2:C3)"]
    money = xml.xpath("//x:c[x:f='SUM(H2:H3)']/x:v/text()", namespaces=space)
    assert [Decimal(value) for value in money] == [Decimal("12345.67890124")]
    typed = xml.xpath("//x:row[@r='3']/x:c/@t", namespaces=space)
    assert typed == []  # numbers and dates, no text among them


def test_an_empty_report_is_a_file_too() -> None:
    empty = Report(date(2026, 11, 1), date(2026, 11, 2), "kind", (), Figures())
    assert csv_of(empty).decode().startswith("Kind,Kind's code,Calls,")
    rows = (
        CalamineWorkbook.from_filelike(io.BytesIO(xlsx_of(empty, About("Acme", datetime(2026, 11, 3, tzinfo=UTC)))))
        .get_sheet_by_name("Usage")
        .to_python()
    )
    assert rows[1][0] == "Total"


@given(start=st.sampled_from(["=", "+", "-", "@", "\t", "\r", "\n", " =", "  +"]), rest=st.text("=a1 '", max_size=9))
def test_no_text_begins_like_a_formula(start: str, rest: str) -> None:
    assert inert(start + rest) == f"'{start}{rest}"


@given(text=st.text("aZ9üß._ ", max_size=20))
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert inert(text) == text
