from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.db import connection

from billing.metering import record_usage
from billing.partitions import next_month, partitions_ensure
from billing.types import UsageRecord


def table_of_the_last_row() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT tableoid::regclass::text FROM billing_usageevent ORDER BY id DESC LIMIT 1")
        return str(cursor.fetchone()[0])


def test_each_month_has_its_table_in_time(db: None) -> None:
    assert partitions_ensure(date(2041, 11, 30)) == ["2041_11", "2041_12", "2042_01", "2042_02"]
    assert partitions_ensure(date(2041, 12, 1)) == ["2042_03"]
    assert partitions_ensure(date(2041, 12, 31)) == []


@pytest.mark.parametrize(
    ("moment", "table"),
    [
        (datetime(2041, 11, 30, 23, 59, 59, 999999, tzinfo=UTC), "billing_usageevent_2041_11"),
        (datetime(2041, 12, 1, tzinfo=UTC), "billing_usageevent_2041_12"),
        (datetime(2055, 1, 1, tzinfo=UTC), "billing_usageevent_other"),
    ],
    ids=["last moment", "first moment", "no table yet"],
)
def test_a_row_lies_in_its_month(
    call: Callable[..., UsageRecord], monkeypatch: pytest.MonkeyPatch, moment: datetime, table: str
) -> None:
    partitions_ensure(date(2041, 11, 1))
    monkeypatch.setattr("billing.metering.timezone.now", lambda: moment)
    record_usage([call()])
    assert table_of_the_last_row() == table


def test_months_follow_one_another() -> None:
    assert [next_month(date(2026, 11, 1)), next_month(date(2026, 12, 1))] == [date(2026, 12, 1), date(2027, 1, 1)]


def test_every_partition_refuses_to_be_changed(call: Callable[..., UsageRecord], db: Any) -> None:
    record_usage([call()])
    name = table_of_the_last_row()
    for statement in (f"UPDATE {name} SET cost_gbp = 0", f"DELETE FROM {name}"):
        with pytest.raises(Exception, match="append only"), connection.cursor() as cursor:  # noqa: PT012
            cursor.execute("SAVEPOINT before")
            try:
                cursor.execute(statement)
            finally:
                cursor.execute("ROLLBACK TO SAVEPOINT before")
