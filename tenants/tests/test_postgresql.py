"""The remembered search path is the one that the server holds, whatever happened in between."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from django.db import DataError, IntegrityError, connection, transaction
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tenants.context import entered

SCHEMAS = ("org_acme", "org_globex", "public")
steps = st.recursive(
    st.sampled_from(["look", "fail", "close"]),
    lambda inner: st.tuples(st.sampled_from([*SCHEMAS, "commit", "rollback"]), st.lists(inner, max_size=4)),
    max_leaves=15,
)


class OnPurpose(Exception):
    pass


def schema_in_force() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_schema()")
        return str(cursor.fetchone()[0])


def fail() -> None:
    """A statement that the database refuses, in a transaction or savepoint of its own."""
    with pytest.raises(DataError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT 1 / 0")


def run(step: Any, schema: str) -> None:
    match step:
        case "look":
            assert schema_in_force() == schema
        case "fail":
            fail()
        case "close":
            if not connection.in_atomic_block:
                connection.close()
        case ("commit", inner):
            with transaction.atomic():
                run_all(inner, schema)
        case ("rollback", inner):
            with suppress(OnPurpose), transaction.atomic():
                run_all(inner, schema)
                raise OnPurpose
        case (other, inner):
            with entered(other):
                run_all(inner, other)


def run_all(steps: list[Any], schema: str) -> None:
    for step in steps:
        run(step, schema)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(st.lists(steps, max_size=6))
@example([("rollback", [("org_acme", ["look"])]), ("org_acme", ["look"])])
@example([("commit", [("org_acme", ["look"]), ("rollback", [("org_globex", ["look"])]), ("org_globex", ["look"])])])
@example([("org_acme", ["look", "close", "look"]), ("org_acme", ["close", "look"])])
@example([("org_acme", ["look", "fail", "look", ("commit", ["fail", "look"])])])
def test_every_query_runs_in_the_schema_that_was_entered(live: None, program: list[Any]) -> None:
    run_all(program, "public")
    for schema in SCHEMAS:
        with entered(schema):
            assert schema_in_force() == schema
    assert schema_in_force() == "public"


@transaction.atomic
def break_a_promise() -> None:
    """Two rows of which one too many is noticed by the COMMIT, which comes when another schema was entered last."""
    with entered("org_acme"), connection.cursor() as cursor:
        cursor.execute("INSERT INTO late VALUES (1), (1)")
    with entered("org_globex"):
        assert schema_in_force() == "org_globex"


def test_a_failed_commit_does_not_leave_the_next_query_elsewhere(live: None) -> None:
    with entered("org_acme"), connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE late (id int); "
            "ALTER TABLE late ADD CONSTRAINT late_once UNIQUE (id) DEFERRABLE INITIALLY DEFERRED"
        )
    try:
        with pytest.raises(IntegrityError, match="late_once"):
            break_a_promise()
        with entered("org_globex"):
            assert schema_in_force() == "org_globex"
    finally:
        with entered("org_acme"), connection.cursor() as cursor:
            cursor.execute("DROP TABLE late")


def test_entering_where_one_is_already_costs_nothing(live: None, django_assert_num_queries: Any) -> None:
    with entered("org_acme"):
        schema_in_force()
    with django_assert_num_queries(1), entered("org_acme"):
        assert schema_in_force() == "org_acme"
    with django_assert_num_queries(2), entered("org_globex"):
        assert schema_in_force() == "org_globex"
