"""Deleting an organisation from every store, with a receipt. Safe to repeat: what is gone stays gone."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import redis
from django.conf import settings
from django.db import connection
from django.utils import timezone
from psycopg import sql

from accounts.audit.actions import audit
from accounts.audit.registry import Action
from billing.erasing import names_erase
from billing.payments.actions import account_forget, accounts_known
from billing.plans.leaving import subscription_leave
from chat.live import RUNNING
from knowledge.providers.loops import run_in_loop
from knowledge.providers.registry import vector_index
from knowledge.selectors import library_of
from tenants.context import entered
from tenants.models import DeletionReceipt, Organisation
from tenants.schemas import existing_schemas, schema_drop
from vena_platform.errors import VenaError


class RemovalIncomplete(VenaError):
    code, status = "removal_incomplete", 500
    message = "Something of this organisation could not be removed. The receipt says what; run the command again."


def organisation_remove(organisation: Organisation) -> DeletionReceipt:
    """Close the doors, empty the stores from the outside in, then look again and write down what was found.

    The ledger stays: it belongs to the platform's books and holds no text.
    """
    with entered("public"):
        receipt = DeletionReceipt.objects.create(
            organisation_id=organisation.pk,
            name=organisation.name,
            slug=organisation.slug,
            schema_name=organisation.schema_name,
        )
        Organisation.objects.filter(pk=organisation.pk).update(state=Organisation.State.SUSPENDED)
        receipt.removed = counts(organisation)
        run_in_loop(vector_index().drop(organisation.key))
        shutil.rmtree(media_folder(organisation), ignore_errors=True)
        forget_keys(organisation.schema_name)
        names_erase(organisation.pk)
        account_forget(organisation)
        subscription_leave(organisation)
        schema_drop(organisation.schema_name)
        receipt.left = counts(organisation)
        receipt.save()
        if any(receipt.left.values()):
            raise RemovalIncomplete(detail=f"{organisation.slug}: {receipt.left}")
        organisation.delete()
        receipt.finished_at = timezone.now()
        receipt.save()
        audit(
            Action.ORGANISATION_DELETED,
            target=receipt.name,
            target_id=str(receipt.organisation_id),
            organisation=receipt.schema_name,
            detail={"receipt": str(receipt.pk), "removed": receipt.removed},
        )
    return receipt


def counts(organisation: Organisation) -> dict[str, int]:
    folder = media_folder(organisation)
    return {
        "tables": table_count(organisation.schema_name),
        "rows": row_count(organisation.schema_name),
        "vectors": vector_count(organisation),
        "files": sum(1 for path in folder.rglob("*") if path.is_file()) if folder.exists() else 0,
        "keys": len(keys_of(organisation.schema_name)),
        "customers": accounts_known(organisation),
    }


def table_count(schema_name: str) -> int:
    if schema_name not in existing_schemas():
        return 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_tables WHERE schemaname = %s", [schema_name])
        return int(cursor.fetchone()[0])


def row_count(schema_name: str) -> int:
    """Of all its tables together."""
    if schema_name not in existing_schemas():
        return 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", [schema_name])
        counts = [sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(schema_name, row[0])) for row in cursor]
        cursor.execute(sql.SQL(" UNION ALL ").join(counts).as_string())
        return sum(row[0] for row in cursor.fetchall())


def vector_count(organisation: Organisation) -> int:
    """A collection that is not there (never made, or dropped by now) counts as empty."""
    if not organisation.embedding_version:
        return 0
    return run_in_loop(vector_index().count(library_of(organisation).space))


def media_folder(organisation: Organisation) -> Path:
    return Path(settings.MEDIA_ROOT, organisation.schema_name)


def keys_of(schema_name: str) -> list[str]:
    """Streams (`vena:<schema>:…`) and Django's cache (`<schema>:vena:…`)."""
    client: Any = redis.Redis.from_url(settings.REDIS_URL, decode_responses=True)
    prefix = settings.VENA_REDIS_PREFIX
    try:
        patterns = (f"{prefix}:{schema_name}:*", f"{schema_name}:*")
        return [key for pattern in patterns for key in client.scan_iter(match=pattern, count=1000)]
    finally:
        client.close()


def forget_keys(schema_name: str) -> None:
    client: Any = redis.Redis.from_url(settings.REDIS_URL, decode_responses=True)
    try:
        for key in keys_of(schema_name):
            client.unlink(key)
        for name in [name for name in client.hkeys(RUNNING) if name.startswith(f"{schema_name}:")]:
            client.hdel(RUNNING, name)
    finally:
        client.close()
