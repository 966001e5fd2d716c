"""Chargeback, savings, unit costs, the single calls of a line, and all of them as files."""

from __future__ import annotations

import csv
import io
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import pypdfium2
import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from accounts.models import Group
from accounts.permissions import Role
from billing.calls import calls_of_line
from billing.errors import LineNotFound
from billing.exporting import sheet_of, xlsx_of_sheet
from billing.metering import record_usage
from billing.pdf import pdf_of
from billing.reports import GROUPS, Figures, Line, Report, usage_reports
from billing.sheets import About, Sheet
from billing.statements import chargeback, chargeback_sheet, months, savings
from billing.types import UsageRecord
from knowledge.answering.policy import answer_policy_change
from knowledge.answering.savings import default_model
from tenants.context import entered
from tenants.models import Organisation

Call = Callable[..., UsageRecord]
TODAY = timezone.now().date()
COST = Decimal("0.00553")
ABOUT = About("Acme & <Sons>", datetime(2026, 11, 3, tzinfo=UTC))


@pytest.fixture
def used(acme: Organisation, globex: Organisation, call: Call) -> dict[str, Any]:
    """Ada of Sales, Bob of Sales, Eve of nowhere; one call of globex."""
    ada, bob, eve, talk, key = (uuid4() for _ in range(5))
    handbook, contracts = uuid4(), uuid4()
    with entered(acme.schema_name):
        sales = Group.objects.create(name="Sales", cost_centre="4711")
        work = Group.objects.create(name="Work")
        record_usage(
            [
                call(member_id=ada, member_label="ada@example.org", group_ids=(sales.pk,), conversation_id=talk),
                call(member_id=bob, group_ids=(work.pk, sales.pk), collection_ids=(handbook, contracts)),
                call(member_id=bob, group_ids=(work.pk,), model="gpt-4o-mini", api_key_id=key, api_key_label="vena_1"),
                call(member_id=eve, kind="rewrite", outcome="failed"),
            ]
        )
    record_usage([replace(call(member_id=ada), tenant=globex.key)])
    return {"sales": sales, "work": work}


def test_each_call_is_charged_once(acme: Organisation, globex: Organisation, used: dict[str, Any]) -> None:
    made = chargeback(acme.pk, TODAY, TODAY)
    assert [(one.cost_centre, one.group, one.people, one.figures.calls) for one in made.charges] == [
        ("4711", "Sales", 2, 2),
        ("", "Work", 1, 1),
        ("", "Without a group", 1, 1),
    ]
    assert sum((one.figures for one in made.charges), Figures()) == made.total
    assert (made.total.calls, made.people) == (4, 3)
    theirs = chargeback(globex.pk, TODAY, TODAY)
    assert [(one.group, one.figures.cost_gbp) for one in theirs.charges] == [("Without a group", COST)]


def test_what_cheaper_models_and_caches_saved(acme: Organisation, call: Call, used: dict[str, Any]) -> None:
    total = chargeback(acme.pk, TODAY, TODAY).total
    record_usage(
        [call(model="unheard-of"), call(provider="local", model="extractive"), call(model="gpt-4o-2024-08-06")]
    )
    made = savings(acme.pk, TODAY, TODAY, total=total, from_cache=(3, Decimal("0.25")), default=("openai", "gpt-4o"))
    (mini,) = made.routed  # neither what has no price, nor what only quotes, nor the default itself by another name
    assert (mini.model, mini.answers, mini.default_gbp) == ("gpt-4o-mini", 1, COST)
    assert mini.saved_gbp == COST - mini.cost_gbp > 0
    assert made.total_gbp == Decimal("0.25") + total.cache_saved_gbp + mini.saved_gbp
    unknown = savings(acme.pk, TODAY, TODAY, total=total, from_cache=(0, Decimal(0)), default=("openai", "unheard-of"))
    assert (unknown.is_priced, unknown.routed) == (False, ())


def test_the_default_model_is_the_policys_or_its_providers_usual_one(acme: Organisation, settings: Any) -> None:
    settings.OPENAI_API_KEY, settings.OPENAI_BASE_URL, settings.OPENAI_MODEL = "sk-test", "", "gpt-4o"
    with entered(acme.schema_name):
        answer_policy_change(primary_provider="openai", primary_model="")
        assert default_model() == ("openai", "gpt-4o")
        answer_policy_change(primary_model="gpt-4o-mini")
        assert default_model() == ("openai", "gpt-4o-mini")


def test_what_a_question_and_a_person_cost(acme: Organisation, used: dict[str, Any]) -> None:
    (month,) = months(acme.pk, TODAY, TODAY)
    month = replace(month, hits=1)
    assert (month.starts_on, month.questions, month.people) == (TODAY.replace(day=1), 4, 3)
    assert month.cost_of_question == month.figures.cost_gbp / 4
    assert month.cost_of_person == month.figures.cost_gbp / 3


def test_the_calls_of_every_line_are_its_sum(acme: Organisation, globex: Organisation, used: dict[str, Any]) -> None:
    for group, report in usage_reports(acme.pk, TODAY, TODAY).items():
        for line in report.lines:
            calls = calls_of_line(acme.pk, TODAY, TODAY, group, line.key)
            assert sum(call.cost_gbp for call in calls) == line.figures.cost_gbp
            assert calls.count() == line.figures.calls
            if group not in {"day", "model", "kind"} and line.key:
                assert calls_of_line(globex.pk, TODAY, TODAY, group, line.key).count() == (
                    group == "member" and line.label != line.key and "ada" in line.label
                )


@pytest.mark.parametrize(("group", "key"), [("member", "ada"), ("day", "soon"), ("collection", "a,b")])
def test_what_is_no_key_has_no_line(group: str, key: str) -> None:
    with pytest.raises(LineNotFound):
        calls_of_line(uuid4(), TODAY, TODAY, group, key)


# -- over REST and on the pages -------------------------------------------------------------------


def test_single_calls_are_paged_and_hold_no_words(
    acme: Organisation, globex: Organisation, signed_in_as: Any, used: dict[str, Any]
) -> None:
    browser = signed_in_as(acme)
    path = "/api/v1/usage/calls/"
    first = browser.get(path, {"group_by": "group", "key": str(used["sales"].pk), "page_size": 1}).json()
    second = browser.get(first["next"]).json()
    rows = first["results"] + second["results"]
    assert (len(rows), second["next"]) == (2, None)
    assert {row["cost_gbp"] for row in rows} == {f"{COST:.8f}"}
    assert {"created_at", "model", "input_tokens", "answer"} <= set(rows[0])
    assert not {"text", "question"} & set(rows[0])
    theirs = signed_in_as(globex).get(path, {"group_by": "group", "key": str(used["sales"].pk)}).json()
    assert theirs["results"] == []
    assert browser.get(path, {"group_by": "member", "key": "ada"}).json()["code"] == "line_not_found"
    assert browser.get(path, {"group_by": "mood", "key": ""}).status_code == 400
    assert signed_in_as(acme, Role.MEMBER).get(path, {"group_by": "kind", "key": "chat"}).status_code == 403


@pytest.mark.parametrize("group", GROUPS)
def test_every_grouping_is_every_kind_of_file(
    acme: Organisation, signed_in_as: Any, used: dict[str, Any], group: str
) -> None:
    browser = signed_in_as(acme)
    shown = browser.get("/api/v1/usage/", {"group_by": group}).json()
    assert shown["total"]["calls"] == sum(line["calls"] for line in shown["lines"]) == 4
    rows = list(
        csv.DictReader(
            io.StringIO(browser.get("/api/v1/usage/", {"group_by": group, "format": "csv"}).content.decode())
        )
    )
    assert [row["Cost in GBP"] for row in rows] == [line["cost_gbp"] for line in shown["lines"]]
    printed = browser.get("/api/v1/usage/", {"group_by": group, "format": "pdf"})
    assert printed["Content-Type"] == "application/pdf"
    assert printed.content.startswith(b"%PDF")


def test_the_pages_show_and_send_statements(
    acme: Organisation, globex: Organisation, signed_in_as: Any, used: dict[str, Any]
) -> None:
    browser = signed_in_as(acme)
    page = browser.get("/usage/statements/").content.decode()
    assert "4711" in page
    assert "Without a group" in page
    for name in ("chargeback", "savings", "unit-costs"):
        for ending, start in (("csv", b""), ("xlsx", b"PK"), ("pdf", b"%PDF")):
            sent = browser.get("/usage/statements/", {"file": name, "format": ending})
            assert f"{name}-" in sent["Content-Disposition"]
            assert sent.content.startswith(start)
    usage = browser.get("/usage/", {"show": "conversations"}).content.decode()
    assert all(
        f'id="usage-{group}"' in usage for group in ("group", "cost_centre", "collection", "key", "conversation")
    )
    calls = browser.get("/usage/calls/", {"group_by": "group", "key": str(used["sales"].pk)}).content.decode()
    assert "ada@example.org" in calls
    assert "<h1>Sales</h1>" in calls
    assert browser.get("/usage/calls/", {"group_by": "group", "key": "nonsense"}).status_code == 404
    theirs = signed_in_as(globex)
    assert "4711" not in theirs.get("/usage/statements/").content.decode()
    assert (
        "No calls here"
        in theirs.get("/usage/calls/", {"group_by": "group", "key": str(used["sales"].pk)}).content.decode()
    )
    member = signed_in_as(acme, Role.MEMBER)
    for path in ("/usage/statements/", "/usage/calls/?group_by=kind&key=chat"):
        assert member.get(path).status_code == 403


# -- files ----------------------------------------------------------------------------------------


def some_report(costs: list[Decimal]) -> Report:
    lines = tuple(
        Line(str(number), f"<b>Line & {number}</b>", Figures(calls=number, cost_gbp=cost))
        for number, cost in enumerate(costs)
    )
    total = sum((line.figures for line in lines), Figures())
    return Report(date(2026, 11, 1), date(2026, 11, 30), "member", lines, total)


def text_of(content: bytes) -> str:
    with pypdfium2.PdfDocument(content) as book:
        return "\n".join(book[number].get_textpage().get_text_bounded() for number in range(len(book)))


def test_a_pdf_has_every_line_and_the_total() -> None:
    text = text_of(pdf_of(sheet_of(some_report([Decimal("1.25")] * 80)), ABOUT))
    assert "Acme & <Sons>" in text
    assert all(f"<b>Line & {number}</b>" in text for number in range(80))
    assert "£100.00" in text
    assert "Page 2" in text


def test_names_of_any_length_and_script_are_printed() -> None:
    lines = (Line("1", "x" * 3000, Figures()), Line("2", "山田\x00\x0b", Figures()))
    report = Report(date(2026, 11, 1), date(2026, 11, 30), "member", lines, Figures())
    assert pdf_of(sheet_of(report), ABOUT).startswith(b"%PDF")


# Without it LibreOffice shows the values that stand in the file.
ALWAYS_CALCULATE = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry">
<item oor:path="/org.openoffice.Office.Calc/Formula/Load"><prop oor:name="OOXMLRecalcMode" oor:op="fuse">
<value>0</value></prop></item></oor:items>
"""


def recalculated(sheet: Sheet, folder: Path) -> list[list[Any]]:
    """What LibreOffice makes of the file when it calculates every formula anew."""
    (folder / "in").mkdir()
    (folder / "in" / "report.xlsx").write_bytes(xlsx_of_sheet(sheet, ABOUT))
    settings = folder / "profile" / "user" / "registrymodifications.xcu"
    settings.parent.mkdir(parents=True)
    settings.write_text(ALWAYS_CALCULATE)
    profile = f"-env:UserInstallation=file://{folder}/profile"
    command = [
        "soffice",
        profile,
        "--headless",
        "--convert-to",
        "ods",
        "--outdir",
        str(folder),
        str(folder / "in/report.xlsx"),
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return CalamineWorkbook.from_path(str(folder / "report.ods")).get_sheet_by_index(0).to_python()


@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not here: apt-get install libreoffice-calc")
def test_a_spreadsheet_calculates_our_totals(tmp_path: Path) -> None:
    costs = [Decimal("0.00553"), Decimal("1234567.89012345"), Decimal("0.1"), Decimal("0.2")]
    sheet = sheet_of(some_report(costs))
    wrong = replace(sheet, total=tuple(type(one)(7) for one in sheet.total if one is not None))  # beside the formulas
    *_, last = recalculated(wrong, tmp_path)
    assert last[0] == "Total"
    assert [f"{value:.8f}" for value in last[2:]] == [f"{one:.8f}" for one in sheet.total]


@hypothesis_settings(max_examples=10, deadline=None)
@given(costs=st.lists(st.decimals(0, 10**6, places=8), min_size=1, max_size=5))
def test_files_hold_the_same_total(costs: list[Decimal]) -> None:
    sheet = sheet_of(some_report(costs))
    *_, last = CalamineWorkbook.from_filelike(io.BytesIO(xlsx_of_sheet(sheet, ABOUT))).get_sheet_by_index(0).to_python()
    assert f"{last[sheet.columns.index('Cost in GBP')]:.6f}" == f"{sum(costs):.6f}"


def test_a_chargeback_of_nothing_is_a_file_too(acme: Organisation) -> None:
    sheet = chargeback_sheet(chargeback(acme.pk, TODAY, TODAY))
    assert xlsx_of_sheet(sheet, ABOUT).startswith(b"PK")
    assert pdf_of(sheet, ABOUT).startswith(b"%PDF")
