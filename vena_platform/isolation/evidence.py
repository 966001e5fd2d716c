"""What can be seen of an organisation in the stores themselves, behind every door."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path
from typing import Any

import redis
from django.conf import settings
from django.db import connection
from psycopg import sql

from knowledge.providers.loops import run_in_loop
from knowledge.providers.registry import vector_index
from knowledge.selectors import library_of
from tenants.context import entered
from vena_platform.isolation.types import World
from vena_platform.removal import keys_of, media_folder

SETTLE_SECONDS = 20.0  # that the work behind an answer may take
LOOK_EVERY = 0.3


def settled_fingerprint(world: World) -> dict[str, str]:
    """Once nothing changes by itself any more: titles and summaries are written behind an answer."""
    before, deadline = fingerprint(world), time.monotonic() + SETTLE_SECONDS
    while True:
        time.sleep(LOOK_EVERY)
        now = fingerprint(world)
        if now == before or time.monotonic() > deadline:
            return now
        before = now


def fingerprint(world: World) -> dict[str, str]:
    """Store → checksum. Whoever changes a row, a vector or a file of the organisation changes one."""
    points = sorted(map(str, run_in_loop(vector_index().point_ids(library_of(world.organisation).space))))
    files = sorted(f"{path} {digest(path.read_bytes())}" for path in files_of(world))
    return {
        **table_checksums(world.schema_name),
        "vectors": digest("\n".join(points)),
        "files": digest("\n".join(files)),
    }


def digest(content: str | bytes) -> str:
    return hashlib.sha256(content.encode() if isinstance(content, str) else content).hexdigest()


def files_of(world: World) -> list[Path]:
    return [path for path in media_folder(world.organisation).rglob("*") if path.is_file()]


def tables_of(schema_name: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s ORDER BY 1", [schema_name])
        return [name for (name,) in cursor.fetchall()]


def table_checksums(schema_name: str) -> dict[str, str]:
    """Table → a checksum of its rows."""
    part = "SELECT {name}, md5(coalesce(string_agg(t::text, chr(10) ORDER BY t::text), '')) FROM {table} t"
    return dict(over_tables(schema_name, part))


def over_tables(schema_name: str, part: str, **values: str) -> list[Any]:
    """The rows of one statement for each table of the organisation, together."""
    with entered("public"):
        literals = {name: sql.Literal(value) for name, value in values.items()}
        parts = [
            sql.SQL(part).format(name=sql.Literal(name), table=sql.Identifier(schema_name, name), **literals)
            for name in tables_of(schema_name)
        ]
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL(" UNION ALL ").join(parts).as_string())
            return list(cursor.fetchall())


def traces(marker: str, *, inside: World) -> list[str]:
    """Where in the organisation's tables, files, cache and queue keys the words of somebody turn up."""
    part = "SELECT {name}, count(*) FROM {table} t WHERE t::text LIKE {wanted}"
    rows = over_tables(inside.schema_name, part, wanted=f"%{marker}%")
    found = [f"table {name}" for name, count in rows if count]
    found += [f"file {path.name}" for path in files_of(inside) if marker.encode() in path.read_bytes()]
    return found + [f"key {key}" for key in keys_of(inside.schema_name) if marker in key or marker in value_of(key)]


def value_of(key: str) -> str:
    """As far as it is text."""
    client: Any = redis.Redis.from_url(settings.REDIS_URL)
    try:
        readers = {b"string": client.get, b"stream": client.xrange, b"hash": client.hgetall, b"zset": whole(client)}
        read = readers.get(client.type(key))
        return str(read(key)) if read else ""
    finally:
        client.close()


def whole(client: Any) -> Any:
    return lambda key: client.zrange(key, 0, -1)
