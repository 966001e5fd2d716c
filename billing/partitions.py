"""The ledger's months: each has its table before its first day."""

from __future__ import annotations

from datetime import date

from django.db import connection
from django.utils import timezone

AHEAD = 3  # months
CREATE = """
CREATE TABLE IF NOT EXISTS public.billing_usageevent_{name} PARTITION OF public.billing_usageevent
FOR VALUES FROM ('{start} 00:00+00') TO ('{end} 00:00+00');
CREATE TRIGGER usage_event_never_emptied BEFORE TRUNCATE ON public.billing_usageevent_{name}
FOR EACH STATEMENT EXECUTE FUNCTION public.usage_event_is_never_emptied()
"""


def partitions_ensure(today: date | None = None) -> list[str]:
    """Make what is missing of this month and the next ones; the names of what was made.

    A row that comes before its month's table goes to `billing_usageevent_other`, so nothing is refused.
    """
    month = (today or timezone.now().date()).replace(day=1)
    made = []
    for _ in range(AHEAD + 1):
        name, following = f"{month:%Y_%m}", next_month(month)
        if not exists(name):
            with connection.cursor() as cursor:
                cursor.execute(CREATE.format(name=name, start=month.isoformat(), end=following.isoformat()))
            made.append(name)
        month = following
    return made


def next_month(month: date) -> date:
    return month.replace(year=month.year + month.month // 12, month=month.month % 12 + 1)


def exists(name: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [f"public.billing_usageevent_{name}"])
        row = cursor.fetchone()
    return bool(row and row[0])
