"""Writes without the ORM's compiler, for paths where it was measured to cost more than the database does.

Columns, defaults and conversions come from the models, so a new field needs no change here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.db import connection
from django.db.models import Field, Model


@dataclass(frozen=True, slots=True)
class Statement:
    sql: str
    parameters: tuple[Any, ...] = ()


def insert(rows: Sequence[Model], *, ignore_conflicts: bool = False) -> Statement:
    """All rows of one model. A key that the database makes is not read back. Signals and `save()` are passed by."""
    model = type(rows[0])
    fields = columns(model, rows[0].pk is None)
    names = ", ".join(f'"{field.column}"' for field in fields)
    places = ", ".join(["(" + ", ".join(["%s"] * len(fields)) + ")"] * len(rows))
    end = " ON CONFLICT DO NOTHING" if ignore_conflicts else ""
    values = [field.get_db_prep_save(field.pre_save(row, True), connection) for row in rows for field in fields]
    return Statement(f'INSERT INTO "{model._meta.db_table}" ({names}) VALUES {places}{end}', tuple(values))


def given(rows: Sequence[Model]) -> Statement:
    """Rows of one model whose key the database makes, as a table `given` for the FROM of a statement."""
    fields = columns(type(rows[0]), True)
    names = ", ".join(f'"{field.column}"' for field in fields)
    typed = "(" + ", ".join(f"%s::{type_of(field)}" for field in fields) + ")"  # of the first row, so of all
    plain = "(" + ", ".join(["%s"] * len(fields)) + ")"
    values = [field.get_db_prep_save(field.pre_save(row, True), connection) for row in rows for field in fields]
    table = f"(VALUES {', '.join([typed, *[plain] * (len(rows) - 1)])}) AS given ({names})"
    return Statement(table, tuple(values))


@cache
def type_of(field: Field[Any, Any]) -> str:
    """Without a length: a cast would cut what is longer, and say nothing."""
    return str(field.db_type(connection)).partition("(")[0]


def names_of(model: type[Model], *less: str) -> str:
    """The columns of `given`, but for some."""
    return ", ".join(f'"{field.column}"' for field in columns(model, True) if field.column not in less)


@cache
def columns(model: type[Model], is_key_made: bool) -> tuple[Field[Any, Any], ...]:
    fields = model._meta.local_concrete_fields
    return tuple(field for field in fields if not (is_key_made and field.primary_key))


def update(model: type[Model], where: dict[str, Any], /, **values: Any) -> Statement:
    """`where` and `values` name fields; all of `where` must hold."""
    changes = ", ".join(f'"{field_of(model, name).column}" = %s' for name in values)
    conditions = " AND ".join(f'"{field_of(model, name).column}" = %s' for name in where)
    prepared = [prepared_value(model, name, value) for name, value in [*values.items(), *where.items()]]
    return Statement(f'UPDATE "{model._meta.db_table}" SET {changes} WHERE {conditions}', tuple(prepared))


def prepared_value(model: type[Model], name: str, value: Any) -> Any:
    return field_of(model, name).get_db_prep_save(value, connection)


@cache
def field_of(model: type[Model], name: str) -> Field[Any, Any]:
    if name == "pk":
        return model._meta.pk
    return next(field for field in model._meta.local_concrete_fields if name in (field.name, field.attname))


def run(*statements: Statement) -> int:
    """In one round trip, all or nothing; the rows that the last one touched."""
    with connection.cursor() as cursor:
        cursor.execute(
            "; ".join(statement.sql for statement in statements),
            [value for statement in statements for value in statement.parameters],
        )
        while cursor.nextset():
            pass
        return int(cursor.rowcount)


def read(sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return list(cursor.fetchall())


def read_together(*statements: Statement) -> list[list[tuple[Any, ...]]]:
    """The rows of each, in one round trip."""
    with connection.cursor() as cursor:
        cursor.execute(
            "; ".join(statement.sql for statement in statements),
            [value for statement in statements for value in statement.parameters],
        )
        found = [list(cursor.fetchall())]
        while cursor.nextset():
            found.append(list(cursor.fetchall()))
    return found
