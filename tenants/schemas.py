"""Schemas: the template, clones of it, and bringing those behind up to date.

A schema's migration state is a fingerprint of its `django_migrations`; one that equals the template's is up to date,
so a deploy with nothing to do asks one question per hundred organisations and touches none.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

from django.conf import settings
from django.core.management import call_command
from django.db import DEFAULT_DB_ALIAS, connection, connections, transaction
from django_tenants.clone import CloneSchema
from django_tenants.utils import quote_schema_name, schema_exists

from tenants.context import entered
from tenants.models import Organisation

logger = logging.getLogger(__name__)

CLONE = "SELECT clone_schema(%s, %s, 'DATA')"
MIGRATION_LOCK = 7_302_611  # any constant: the key of PostgreSQL's advisory lock
FINGERPRINTS_AT_ONCE = 100
RENAMES = """
SELECT format('ALTER TABLE %%I.%%I RENAME CONSTRAINT %%I TO %%I',
              %(clone)s, theirs.relname, clone.conname, original.conname)
FROM pg_constraint original
JOIN pg_class ours ON ours.oid = original.conrelid
JOIN pg_class theirs ON theirs.relname = ours.relname AND theirs.relnamespace = %(clone)s::regnamespace
JOIN pg_constraint clone ON clone.conrelid = theirs.oid AND clone.contype = original.contype
  AND pg_get_constraintdef(clone.oid) = pg_get_constraintdef(original.oid)
WHERE original.connamespace = %(template)s::regnamespace AND original.contype IN ('p', 'u', 'x')
  AND clone.conname <> original.conname
"""


@dataclass(slots=True)
class MigrationReport:
    current: int = 0
    migrated: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)  # schema → why


@contextmanager
def migration_lock(*, shared: bool) -> Iterator[None]:
    """Cloning (shared) never sees a half-migrated template; two deploys never migrate at once.

    The lock lives on a connection of its own: `migrate_schemas` closes the thread's, which would let go of it.
    """
    suffix = "_shared" if shared else ""
    holder = connections.create_connection(DEFAULT_DB_ALIAS)
    try:
        with holder.cursor() as cursor:
            cursor.execute(f"SELECT pg_advisory_lock{suffix}(%s)", [MIGRATION_LOCK])
        try:
            yield
        finally:
            with holder.cursor() as cursor:
                cursor.execute(f"SELECT pg_advisory_unlock{suffix}(%s)", [MIGRATION_LOCK])
    finally:
        holder.close()


def schema_create(schema_name: str) -> None:
    """Clone the template: tables, content types, permissions, migration history. Repeating it changes nothing."""
    with migration_lock(shared=True), entered("public"):
        if schema_exists(schema_name):
            return
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(CLONE, [settings.TENANT_TEMPLATE_SCHEMA, schema_name])
            restore_constraint_names(schema_name)


def restore_constraint_names(schema_name: str) -> None:
    """The clone's unique constraints come out with made-up names; migrations remove and rename them by their own."""
    with connection.cursor() as cursor:
        cursor.execute(RENAMES, {"template": settings.TENANT_TEMPLATE_SCHEMA, "clone": schema_name})
        for (statement,) in cursor.fetchall():
            cursor.execute(statement)


def schema_drop(schema_name: str) -> None:
    with entered("public"), connection.cursor() as cursor:
        cursor.execute(f"DROP SCHEMA IF EXISTS {quote_schema_name(schema_name)} CASCADE")


def migrate_everything(*, jobs: int = 4, tell: Callable[[str], None] = lambda line: None) -> MigrationReport:
    """Public schema, template, then every organisation that is behind. One broken organisation stops no other."""
    report = MigrationReport()
    with migration_lock(shared=False):
        migrate_public_and_template()
        behind = schemas_behind(report)
        if behind:
            tell(f"Bringing {len(behind)} organisations up to date ...")
        with ThreadPoolExecutor(max_workers=jobs, thread_name_prefix="migrate") as pool:
            for schema, failure in pool.map(migrate_one, behind):
                if failure:
                    report.failed[schema] = failure
                    tell(f"  {schema}: {failure}")
                else:
                    report.migrated.append(schema)
    note_failures(report)
    return report


def migrate_public_and_template() -> None:
    template = settings.TENANT_TEMPLATE_SCHEMA
    call_command("migrate_schemas", shared=True, interactive=False, verbosity=0)
    with entered("public"), transaction.atomic():
        # Made here and not at every clone: that would take longer than cloning, and clones would wait for each other.
        CloneSchema()._create_clone_schema_function()
    with entered("public"), connection.cursor() as cursor:
        cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {quote_schema_name(template)}")
    call_command("migrate_schemas", tenant=True, schema_name=template, interactive=False, verbosity=0)


def schemas_behind(report: MigrationReport) -> list[str]:
    with entered("public"):
        existing, recorded = set(existing_schemas()), set(schemas_with_history())
        names = [
            name for name in Organisation.objects.order_by("created_at").values_list("schema_name", flat=True)
            if name in existing
        ]  # fmt: skip
        head = fingerprints([settings.TENANT_TEMPLATE_SCHEMA])[settings.TENANT_TEMPLATE_SCHEMA]
        behind = [name for name in names if name not in recorded]  # half-made: migrating builds what is missing
        known = [name for name in names if name in recorded]
        for start in range(0, len(known), FINGERPRINTS_AT_ONCE):
            found = fingerprints(known[start : start + FINGERPRINTS_AT_ONCE])
            behind += [name for name, fingerprint in found.items() if fingerprint != head]
    report.current = len(names) - len(behind)
    return behind


def existing_schemas() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nspname FROM pg_catalog.pg_namespace")
        return [row[0] for row in cursor.fetchall()]


def schemas_with_history() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT schemaname FROM pg_catalog.pg_tables WHERE tablename = 'django_migrations'")
        return [row[0] for row in cursor.fetchall()]


def fingerprints(schemas: Sequence[str]) -> dict[str, str]:
    query = " UNION ALL ".join(
        f"SELECT %s, md5(string_agg(app || '.' || name, ',' ORDER BY app, name)) "  # noqa: S608 (quoted names)
        f"FROM {quote_schema_name(schema)}.django_migrations"
        for schema in schemas
    )
    with connection.cursor() as cursor:
        cursor.execute(query, list(schemas))
        return dict(cursor.fetchall())


def migrate_one(schema: str) -> tuple[str, str]:
    """Runs on a thread of its own, with a connection of its own. Returns the failure in words, or nothing."""
    try:
        call_command("migrate_schemas", tenant=True, schema_name=schema, interactive=False, verbosity=0)
    except Exception as error:
        logger.exception("organisation.migration_failed", extra={"schema": schema})
        return schema, f"{type(error).__name__}: {error}".strip()[:500]
    finally:
        connections.close_all()
    return schema, ""


def note_failures(report: MigrationReport) -> None:
    """Operators see in the admin site which organisation is behind, and why."""
    with entered("public"):
        Organisation.objects.exclude(migration_failure="").exclude(schema_name__in=report.failed).update(
            migration_failure=""
        )
        for schema, failure in report.failed.items():
            Organisation.objects.filter(schema_name=schema).update(migration_failure=failure)
