"""Regression tests of the ways in which an organisation can leak between threads, tasks and lazy queries."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from django.db import connection as django_connection
from django.db import transaction

from accounts.models import User
from tenants.context import active_schema, entered, in_tenant, mark_active
from tenants.models import Organisation
from tenants.types import TenantKey

connection: Any = django_connection


def schema_in_force() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_schema()")
        return str(cursor.fetchone()[0])


async def test_interleaved_tasks_each_see_their_own_schema(live: None) -> None:
    async def ask(schema: str) -> set[str]:
        return {await in_tenant(schema, schema_in_force) for _ in range(20)}

    seen = await asyncio.gather(*(ask(schema) for schema in ("org_acme", "org_globex") * 5))
    assert seen == [{"org_acme"}, {"org_globex"}] * 5


async def test_an_orm_thread_is_left_in_public(live: None) -> None:
    await asyncio.gather(*(in_tenant("org_acme", schema_in_force) for _ in range(30)))
    assert {await in_tenant("public", schema_in_force) for _ in range(30)} == {"public"}


async def test_a_failing_call_leaves_its_schema(live: None) -> None:
    def fail() -> None:
        raise RuntimeError("on purpose")

    with pytest.raises(RuntimeError):
        await in_tenant("org_acme", fail)
    assert await in_tenant("public", schema_in_force) == "public"


async def test_a_broken_connection_heals(live: None) -> None:
    def kill_own_connection() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    for _ in range(12):
        with pytest.raises(Exception, match="terminat"):
            await in_tenant("org_acme", kill_own_connection)
    assert [await in_tenant("org_acme", schema_in_force) for _ in range(12)] == ["org_acme"] * 12


def test_entering_is_undone_also_when_nested(db: None) -> None:
    mark_active("public")  # a request of an earlier test may have marked this thread
    with entered("org_acme"):
        with entered("org_globex"):
            assert schema_in_force() == "org_globex" == active_schema()
        assert schema_in_force() == "org_acme" == active_schema()
    assert schema_in_force() == "public" == active_schema()


def test_a_lazy_queryset_reads_the_schema_it_is_evaluated_in(acme: Organisation, globex: Organisation) -> None:
    """Why `in_tenant` must return lists: this is what would happen with a queryset."""
    with entered(acme.schema_name):
        User.objects.create_user("only@acme.example")
        lazy = User.objects.filter(email="only@acme.example")
    with entered(globex.schema_name):
        assert list(lazy) == []


def test_one_set_search_path_for_each_entry(acme: Organisation, django_assert_num_queries: object) -> None:
    with django_assert_num_queries(4), entered(acme.schema_name):  # type: ignore[operator]
        for _ in range(3):
            User.objects.count()


@pytest.mark.parametrize("schema", ["", "public", "template", "pg_catalog", "information_schema"])
def test_a_key_names_a_real_organisation(schema: str, acme: Organisation) -> None:
    with pytest.raises(ValueError):
        TenantKey(id=acme.id, schema_name=schema)


async def test_a_log_line_names_the_organisation_of_its_task(live: None) -> None:
    async def work(schema: str) -> set[str]:
        mark_active(schema)
        return {active_schema(), await in_tenant(schema, active_schema), active_schema()}

    assert await asyncio.gather(*(asyncio.create_task(work(schema)) for schema in ("org_acme", "org_globex"))) == [
        {"org_acme"},
        {"org_globex"},
    ]


def test_a_key_is_a_value(acme: Organisation, globex: Organisation) -> None:
    assert acme.key == TenantKey(id=acme.id, schema_name="org_acme")
    assert acme.key != globex.key
    with pytest.raises(AttributeError):
        acme.key.schema_name = "org_globex"  # type: ignore[misc]


def test_entering_the_same_schema_again_sets_no_path_again(
    acme: Organisation, globex: Organisation, django_assert_num_queries: Any
) -> None:
    with entered(acme.schema_name):
        User.objects.count()
    connection.set_schema_to_public()
    with django_assert_num_queries(2):  # both count; the path of acme is still in force on the server
        for _ in range(2):
            with entered(acme.schema_name):
                User.objects.count()
    with entered(globex.schema_name):
        assert schema_in_force() == globex.schema_name


def test_a_path_that_was_rolled_back_is_set_again(acme: Organisation, globex: Organisation) -> None:
    with entered(acme.schema_name):
        assert schema_in_force() == "org_acme"
        with transaction.atomic(), entered(globex.schema_name):
            assert schema_in_force() == "org_globex"
            transaction.set_rollback(True)
        assert schema_in_force() == "org_acme"


@pytest.mark.parametrize("ends", ["rollback", "close"])
def test_a_lost_path_is_set_again(live: None, ends: str) -> None:
    with entered("org_acme"):
        connection.set_autocommit(False)
        try:
            assert schema_in_force() == "org_acme"
            getattr(connection, ends)()
            assert schema_in_force() == "org_acme"
            connection.rollback()
        finally:
            connection.set_autocommit(True)
        assert schema_in_force() == "org_acme"


async def test_a_restarted_database_is_noticed_before_a_query_fails(live: None) -> None:
    def process() -> int:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            return int(cursor.fetchone()[0])

    def end(processes: set[int]) -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_terminate_backend(pid) FROM unnest(%s) AS pid", [list(processes)])
        finally:
            connection.close()

    before = set(await asyncio.gather(*(in_tenant("org_acme", process) for _ in range(30))))
    await asyncio.to_thread(end, before)
    await asyncio.sleep(0.2)
    after = set(await asyncio.gather(*(in_tenant("org_acme", process) for _ in range(30))))
    assert not before & after
