"""A cloned schema is the template again, down to sequences and deferrable constraints."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.db import connection

from tenants.context import entered
from tenants.models import Organisation
from tenants.schemas import schema_create, schema_drop

TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = %(schema)s"
COLUMNS = """
SELECT c.relname, rank() OVER (PARTITION BY c.oid ORDER BY a.attnum), a.attname,
       format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, pg_get_expr(d.adbin, d.adrelid)
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE c.relnamespace = %(schema)s::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
"""
CONSTRAINTS = """
SELECT conrelid::regclass::text, conname, contype, condeferrable, condeferred, convalidated, pg_get_constraintdef(oid)
FROM pg_constraint WHERE connamespace = %(schema)s::regnamespace AND contype <> 'n'
"""
INDEXES = "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = %(schema)s"
SEQUENCES = """
SELECT sequencename, increment_by, min_value, max_value, cycle
FROM pg_sequences WHERE schemaname = %(schema)s
"""
CLONE = "org_clone"


def rows(query: str, schema: str) -> list[tuple[Any, ...]]:
    """Everything the catalogue says about a schema, with its own name taken out."""
    with connection.cursor() as cursor:
        cursor.execute(query, {"schema": schema})
        found = [
            tuple(value.replace(f"{schema}.", "") if isinstance(value, str) else value for value in row)
            for row in cursor.fetchall()
        ]
    return sorted(found, key=repr)


@pytest.mark.parametrize("query", [TABLES, COLUMNS, CONSTRAINTS, INDEXES, SEQUENCES])
def test_a_clone_equals_the_template(db: None, query: str) -> None:
    schema_create(CLONE)
    template = rows(query, settings.TENANT_TEMPLATE_SCHEMA)
    assert template
    assert rows(query, CLONE) == template


def test_the_template_has_what_clones_could_lose(db: None) -> None:
    """Or the comparison above would compare nothing with nothing."""
    constraints = rows(CONSTRAINTS, settings.TENANT_TEMPLATE_SCHEMA)
    assert {kind for _, _, kind, *_ in constraints} >= {"p", "u", "f"}
    assert any(deferrable and deferred for *_, deferrable, deferred, _, _ in constraints)
    assert any(column[5] for column in rows(COLUMNS, settings.TENANT_TEMPLATE_SCHEMA))


def test_a_clones_foreign_keys_stay_inside(db: None) -> None:
    schema_create(CLONE)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*), count(*) FILTER (WHERE f.relnamespace = %(clone)s::regnamespace) "
            "FROM pg_constraint k JOIN pg_class f ON f.oid = k.confrelid "
            "WHERE k.contype = 'f' AND k.connamespace = %(clone)s::regnamespace",
            {"clone": CLONE},
        )
        all_keys, inside = cursor.fetchone()
    assert all_keys == inside > 0


@pytest.mark.parametrize("table", ["django_migrations", "django_content_type", "auth_permission"])
def test_a_clone_starts_with_the_templates_rows(db: None, table: str) -> None:
    schema_create(CLONE)
    query = f"SELECT id::text, md5(t::text) FROM {{schema}}.{table} t"
    template = rows(query.format(schema=settings.TENANT_TEMPLATE_SCHEMA), settings.TENANT_TEMPLATE_SCHEMA)
    assert template
    assert rows(query.format(schema=CLONE), CLONE) == template


def test_identities_go_on_after_the_copied_rows(db: None) -> None:
    # given
    schema_create(CLONE)
    with entered(CLONE):
        last = ContentType.objects.latest("id").pk
        # when
        made = ContentType.objects.create(app_label="tests", model="tests")
    # then
    assert made.pk == last + 1
    with entered(settings.TENANT_TEMPLATE_SCHEMA):
        assert ContentType.objects.latest("id").pk == last


def test_making_a_schema_again_changes_nothing(acme: Organisation) -> None:
    with entered(acme.schema_name):
        ContentType.objects.create(app_label="tests", model="kept")
    before = rows(COLUMNS, acme.schema_name)
    schema_create(acme.schema_name)
    assert rows(COLUMNS, acme.schema_name) == before
    with entered(acme.schema_name):
        assert ContentType.objects.filter(model="kept").exists()


def test_dropping_a_schema_leaves_the_others(acme: Organisation, globex: Organisation) -> None:
    schema_create(CLONE)
    schema_drop(CLONE)
    schema_drop(CLONE)
    assert rows(TABLES, CLONE) == []
    assert rows(TABLES, globex.schema_name) == rows(TABLES, settings.TENANT_TEMPLATE_SCHEMA)
