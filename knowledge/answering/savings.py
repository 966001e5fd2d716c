"""What the cache has saved, day by day."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from django.db import connection
from django.db.models import Sum
from django.utils import timezone

from knowledge.answering.policy import answer_settings
from knowledge.choosing import primary_of
from knowledge.models import CacheSaving
from knowledge.own_keys import load_keys
from knowledge.providers.defaults import chat_providers, own_model
from tenants.context import active_schema

UPSERT = """
INSERT INTO {table} AS kept (day, kind, hits, tokens, saved_gbp) VALUES (%s, %s, 1, %s, %s)
ON CONFLICT (day, kind) DO UPDATE SET hits = kept.hits + 1, tokens = kept.tokens + excluded.tokens,
saved_gbp = kept.saved_gbp + excluded.saved_gbp
"""


def record_saving(*, kind: str, tokens: int, saved_gbp: Decimal) -> None:
    """One hit more on today's row of the organisation whose schema is entered: one statement, safe against itself."""
    with connection.cursor() as cursor:
        statement = UPSERT.format(table=CacheSaving._meta.db_table)
        cursor.execute(statement, [timezone.now().date(), kind, tokens, saved_gbp])


def answers_saved(since: date, until: date) -> tuple[int, Decimal]:
    """How many answers came from the cache on these days, both included, and what they would have cost in pounds."""
    sums = CacheSaving.objects.filter(day__range=(since, until)).aggregate(hits=Sum("hits"), saved=Sum("saved_gbp"))
    return sums["hits"] or 0, sums["saved"] or Decimal(0)


def default_model() -> tuple[str, str]:
    """Provider and model that answer when nothing else was chosen, of the organisation whose schema is entered."""
    keys = load_keys(active_schema())
    choice = primary_of(answer_settings(), keys)
    if choice.model or choice.provider not in chat_providers():
        return choice.provider, choice.model
    access = keys.get(choice.provider)
    usual = own_model(choice.provider, has_address=bool(access.base_url)) if access else None
    return choice.provider, usual or chat_providers()[choice.provider].model
