"""Bringing organisations up to date: only those behind, and a broken one stops no other."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tenants.models import Organisation
from tenants.schemas import FINGERPRINTS_AT_ONCE, MIGRATION_LOCK, migrate_everything

Make = Callable[[str], Organisation]
HARMLESS = ("admin", "0003_logentry_add_action_flag_choices")  # changes no table and nothing depends on it
MAKES_A_TABLE = ("sessions", "0001_initial")  # nothing depends on it


def sql(statement: str, *values: str | int) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return int(cursor.rowcount)


def forget(organisation: Organisation, migration: tuple[str, str]) -> None:
    """Put the organisation behind by one migration."""
    history = f"{organisation.schema_name}.django_migrations"
    assert sql(f"DELETE FROM {history} WHERE app = %s AND name = %s", *migration) == 1


def knows(organisation: Organisation, migration: tuple[str, str]) -> bool:
    history = f"{organisation.schema_name}.django_migrations"
    return sql(f"SELECT 1 FROM {history} WHERE app = %s AND name = %s", *migration) == 1


def failure_of(organisation: Organisation) -> str:
    organisation.refresh_from_db()
    return organisation.migration_failure


def test_with_nothing_to_do_all_are_current(live: None) -> None:
    report = migrate_everything()
    assert (report.current, report.migrated, report.failed) == (2, [], {})


def test_nothing_to_do_costs_no_more_with_more_organisations(make_committed: Make) -> None:
    # given
    with CaptureQueriesContext(connection) as few:
        migrate_everything()
    for number in range(4):
        make_committed(f"more{number}")
    # when
    with CaptureQueriesContext(connection) as many:
        report = migrate_everything()
    # then
    assert FINGERPRINTS_AT_ONCE >= 100
    assert report.current == 6
    assert len(many) == len(few)


def test_only_those_behind_are_migrated(make_committed: Make) -> None:
    # given
    late, current = make_committed("late"), make_committed("current")
    forget(late, HARMLESS)
    told: list[str] = []
    # when
    report = migrate_everything(tell=told.append)
    # then
    assert (report.current, report.migrated, report.failed) == (3, [late.schema_name], {})
    assert told == ["Bringing 1 organisations up to date ..."]
    assert knows(late, HARMLESS)
    assert knows(current, HARMLESS)


def test_a_broken_organisation_is_reported_and_the_others_finish(make_committed: Make) -> None:
    # given one whose migration fails, one whose history makes no sense, one whose history is lost, and a healthy one
    taken, senseless, lost, late = (make_committed(slug) for slug in ("taken", "senseless", "lost", "late"))
    forget(taken, MAKES_A_TABLE)
    forget(senseless, ("auth", "0012_alter_user_first_name_max_length"))  # accounts.0001 needs it
    sql(f"DROP TABLE {lost.schema_name}.django_migrations")
    forget(late, HARMLESS)
    # when
    report = migrate_everything()
    # then
    assert report.current == 2
    assert report.migrated == [late.schema_name]
    assert set(report.failed) == {taken.schema_name, senseless.schema_name, lost.schema_name}
    assert report.failed[taken.schema_name].startswith('ProgrammingError: relation "django_session" already exists')
    assert report.failed[senseless.schema_name].startswith("InconsistentMigrationHistory: ")
    assert failure_of(taken) == report.failed[taken.schema_name]
    assert failure_of(late) == ""


def test_a_second_run_resumes_with_those_that_failed(make_committed: Make) -> None:
    # given
    repaired, still_broken = make_committed("repaired"), make_committed("still-broken")
    for organisation in (repaired, still_broken):
        forget(organisation, MAKES_A_TABLE)
    assert set(migrate_everything().failed) == {repaired.schema_name, still_broken.schema_name}
    sql(f"DROP TABLE {repaired.schema_name}.django_session")
    # when
    report = migrate_everything()
    # then
    assert (report.current, report.migrated) == (2, [repaired.schema_name])
    assert set(report.failed) == {still_broken.schema_name}
    assert failure_of(repaired) == ""
    assert failure_of(still_broken) != ""
    assert sql(f"SELECT 1 FROM {repaired.schema_name}.django_session") == 0


def test_an_organisation_without_a_schema_yet_is_left_to_provisioning(live: None) -> None:
    Organisation.objects.create(name="Soon", slug="soon", schema_name="org_soon")
    report = migrate_everything()
    assert (report.current, report.migrated, report.failed) == (2, [], {})


def test_no_clone_is_taken_and_no_second_deploy_starts_meanwhile(make_committed: Make) -> None:
    """The template is migrated on a connection that `migrate_schemas` closes; the lock must survive that."""
    # given
    forget(make_committed("late"), HARMLESS)
    granted: list[bool] = []

    def try_to_clone(line: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock_shared(%s)", [MIGRATION_LOCK])
            granted.append(cursor.fetchone()[0])

    # when
    migrate_everything(tell=try_to_clone)
    # then
    assert granted == [False]
    try_to_clone("when it is over")
    assert granted == [False, True]
    sql("SELECT pg_advisory_unlock_shared(%s)", MIGRATION_LOCK)


def test_organisations_made_at_the_same_time_all_get_their_schema(make_committed: Make) -> None:
    # given
    slugs = [f"rush{number}" for number in range(4)]

    def make(slug: str) -> str:
        try:
            return str(make_committed(slug).schema_name)
        finally:
            connection.close()

    # when
    with ThreadPoolExecutor(max_workers=4) as threads:
        made = list(threads.map(make, slugs))
    # then
    assert [sql(f"SELECT 1 FROM {schema}.django_migrations LIMIT 1") for schema in made] == [1] * 4


def test_the_command_says_who_is_behind_and_fails(make_committed: Make) -> None:
    # given
    broken = make_committed("broken")
    forget(broken, MAKES_A_TABLE)
    out = StringIO()
    # when
    with pytest.raises(CommandError, match="still behind; run this again:\norg_broken: ProgrammingError"):
        call_command("migrate_organisations", "--jobs", "1", stdout=out)
    # then
    assert "2 up to date, 0 migrated, 1 failed." in out.getvalue()
