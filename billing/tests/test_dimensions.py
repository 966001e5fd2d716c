"""Group, cost centre, key, collection and conversation: from the ledger row to the line of a report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from accounts.models import Group
from billing.cost_groups import forget_cost_groups
from billing.metering import record_usage
from billing.models import UsageEvent
from billing.names import COLLECTION, names_keep, names_of
from billing.reports import GROUPS, usage_report, usage_reports
from billing.types import UsageRecord
from tenants.context import entered
from tenants.models import Organisation

Call = Callable[..., UsageRecord]
TODAY = timezone.now().date()


def lines(organisation: Organisation, group: str) -> list[tuple[str, str, int]]:
    report = usage_report(organisation.pk, TODAY, TODAY, group)
    return sorted((line.key, line.label, line.figures.calls) for line in report.lines)


@pytest.mark.parametrize(
    ("groups", "charged"),
    [
        ([("Zeal", ""), ("Alpha", "")], ("Alpha", "")),
        ([("Alpha", ""), ("Zeal", "42"), ("Work", "7")], ("Work", "7")),
        ([], None),
    ],
    ids=["first-by-name", "with-a-cost-centre", "none"],
)
def test_which_group_is_charged(
    acme: Organisation, call: Call, make_person: Any, groups: list[tuple[str, str]], charged: tuple[str, str] | None
) -> None:
    ada = make_person(acme, "ada@acme.example")
    with entered(acme.schema_name):
        made = [Group.objects.create(name=name, cost_centre=centre) for name, centre in groups]
        ada.member_of.set(made)
        record_usage([call(member_id=ada.pk, group_ids=tuple(one.pk for one in made))])
        record_usage([call(member_id=ada.pk)])  # of documents: the person alone is known
    rows = list(UsageEvent.objects.values_list("group_id", "cost_centre"))
    wanted = next(((one.pk, one.cost_centre) for one in made if charged and one.name == charged[0]), (None, ""))
    assert rows == [wanted, wanted]
    assert [label for _, label, _ in lines(acme, "group")] == [charged[0] if charged else "Without a group"]
    assert [label for _, label, _ in lines(acme, "cost_centre")] == [
        charged[1] if charged and charged[1] else "Without a cost centre"
    ]


def test_a_cost_centre_is_that_of_its_moment_and_a_removed_group_keeps_its_name(acme: Organisation, call: Call) -> None:
    with entered(acme.schema_name):
        sales = Group.objects.create(name="Sales", cost_centre="1")
        known = sales.pk
        record_usage([call(group_ids=(known,))])
        Group.objects.update(cost_centre="2", name="Sales and more")
        forget_cost_groups()
        record_usage([call(group_ids=(known,))])
        sales.delete()
    assert lines(acme, "cost_centre") == [("1", "1", 1), ("2", "2", 1)]
    assert lines(acme, "group") == [(str(known), "Sales and more", 2)]


def test_a_foreign_group_is_no_group(acme: Organisation, globex: Organisation, call: Call) -> None:
    with entered(globex.schema_name):
        theirs = Group.objects.create(name="Theirs", cost_centre="9")
        record_usage([call(group_ids=(theirs.pk,))])  # acme's record in another schema
    with entered(acme.schema_name):
        record_usage([call(group_ids=(theirs.pk,))])
    assert lines(acme, "group") == [("", "Without a group", 2)]


def test_keys_collections_and_conversations_are_lines(acme: Organisation, globex: Organisation, call: Call) -> None:
    key, talk = uuid4(), uuid4()
    handbook, contracts = sorted((uuid4(), uuid4()))
    names_keep(acme.pk, COLLECTION, {handbook: "Handbook", contracts: "Contracts"})
    asked = call(api_key_id=key, api_key_label="vena_ab12…", conversation_id=talk, member_label="ada@example.org")
    record_usage([replace(asked, collection_ids=(contracts, handbook)), call(collection_ids=(handbook,)), call()])
    record_usage([replace(call(collection_ids=(handbook,), api_key_id=key), tenant=globex.key)])
    assert lines(acme, "key") == [("", "On the pages, without an API key", 2), (str(key), "vena_ab12…", 1)]
    assert lines(acme, "collection") == sorted(
        [
            ("", "Without a collection", 1),
            (str(handbook), "Handbook", 1),
            (f"{handbook},{contracts}", "Contracts and Handbook", 1),
        ]
    )
    label = f"ada@example.org, {TODAY:%d %b %Y}, {str(talk)[:8]}"
    assert lines(acme, "conversation") == [("", "Outside of conversations", 2), (str(talk), label, 1)]
    assert [line[:2] for line in lines(globex, "collection")] == [
        (str(handbook), str(handbook))
    ]  # acme's name is not theirs
    assert names_of(globex.pk, COLLECTION, [handbook]) == {}
    found = usage_reports(acme.pk, TODAY, TODAY)
    assert set(found) == set(GROUPS)
    assert len({report.total for report in found.values()}) == 1
