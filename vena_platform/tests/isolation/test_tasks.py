"""Every task of ours, read from Celery: it says whose it is, and a foreign id in it finds nothing."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from vena_platform.celery import app
from vena_platform.isolation.evidence import table_checksums
from vena_platform.tests.isolation.conftest import Worlds

OURS = ("vena_platform", "tenants", "accounts", "billing", "knowledge", "chat")
NOBODY = "5f0c1b9e-8a61-4c57-9f0e-3f6d2b7a1c44"
# They begin work for each organisation by itself, or keep what has no organisation.
FOR_EVERYBODY = {
    "accounts.audit.tasks.verify_audit_everywhere",
    "accounts.organisation.domain_tasks.look_at_domains",
    "accounts.support.tasks.sweep_support",
    "billing.tasks.advance_subscriptions",  # each subscription names its organisation
    "billing.invoicing.refusals.tell_of_payment",  # a payment's row names its organisation
    "billing.tasks.close_months",
    "billing.tasks.collect_invoices",
    "billing.tasks.find_anomalies",
    "billing.tasks.keep_the_books",
    "billing.tasks.reconcile_payments",  # each payment is held against its own customer
    "billing.tasks.recount_budget",  # a budget's row names its organisation; budgets are of the platform's schema
    "billing.tasks.roll_up_days",
    "billing.tasks.send_invoices",
    "billing.tasks.send_reports",  # each schedule names its organisation
    "billing.tasks.sweep_holds",
    "billing.tasks.warn_of_budgets",
    "chat.gaps.tasks.review_gaps_everywhere",
    "chat.tasks.settle_lost_answers",
    "knowledge.tasks.meter_storage_everywhere",
    "knowledge.tasks.recover_documents_everywhere",
    "knowledge.tasks.reconcile_everywhere",
    "vena_platform.isolation.tasks.make_isolation_report",
    "vena_platform.tasks.apply_retention_everywhere",
    "vena_platform.tasks.provision_organisation",  # of one that is not open yet
}
# Task's argument → the row that it names.
NAMES = {
    "answer_id": "chat.Message",
    "grant_id": "tenants.SupportGrant",
    "document_id": "knowledge.Document",
    "invitation_id": "accounts.Invitation",
    "receipt_id": "accounts.ErasureReceipt",
    "reembedding_id": "knowledge.Reembedding",
    "run_id": "knowledge.EvaluationRun",
}
NAMES_NO_ROW = {"schema_name", "subject", "body", "sender", "to", "html"}


def tasks() -> dict[str, Any]:
    app.loader.import_default_modules()
    return {name: task for name, task in app.tasks.items() if task.run.__module__.split(".")[0] in OURS}


def parameters(task: Any) -> list[str]:
    return [name for name in inspect.signature(task.run).parameters if name != "self"]


NAMING = [(name, one) for name, task in sorted(tasks().items()) for one in parameters(task) if one in NAMES]


def test_every_task_says_whose_it_is() -> None:
    unclear = {name for name, task in tasks().items() if "schema_name" not in parameters(task)}
    assert unclear == FOR_EVERYBODY, "A task works in one organisation (schema_name=), or says here why it does not."


def test_every_argument_is_known() -> None:
    ours = {name: task for name, task in tasks().items() if name not in FOR_EVERYBODY}
    unknown = {(name, one) for name, task in ours.items() for one in parameters(task)} - {
        (name, one) for name, task in ours.items() for one in (*NAMES, *NAMES_NO_ROW)
    }
    assert not unknown, "Say in NAMES or NAMES_NO_ROW what a task's new argument names."


def outcome(task: Any, schema_name: str, name: str, value: str) -> str:
    try:
        return repr(task.run(schema_name=schema_name, **{name: value})).replace(value, "ID")
    except Exception as error:
        return f"{type(error).__name__}: {error}".replace(value, "ID")


@pytest.mark.django_db
@pytest.mark.parametrize(("task_name", "argument"), NAMING, ids=[f"{name} {one}" for name, one in NAMING])
def test_a_foreign_id_finds_nothing(worlds: Worlds, sessions: object, task_name: str, argument: str) -> None:
    ours, theirs = worlds
    task, label = tasks()[task_name], NAMES[argument]
    unknown = outcome(task, ours.organisation.schema_name, argument, NOBODY)
    assert outcome(task, ours.organisation.schema_name, argument, theirs.id_of(label)) == unknown
    assert table_checksums(theirs.organisation.schema_name) == theirs.checksums
