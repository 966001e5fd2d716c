"""SCIM filters (RFC 7644, 3.4.2.2) as conditions on rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import reduce
from operator import and_, or_
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.utils.dateparse import parse_datetime
from scim2_models import Resource, ScimFilter
from scim2_models.exceptions import SCIMException
from scim2_models.path import AttrPath, Comparison, FilterVisitor, LogicalExpr, LogicalOperator, Not, Present, ValuePath

from accounts.scim.errors import FilterUnfit

LONGEST = 1000  # characters
Fields = Mapping[str, tuple[str, bool]]
LOOKUPS = {"eq": "exact", "co": "contains", "sw": "startswith", "ew": "endswith"}
ORDERED = {"gt": "gt", "ge": "gte", "lt": "lt", "le": "lte"}
NOTHING = Q(pk__in=[])
ALWAYS_TRUE = {"emails.type": "work", "emails.primary": True, "members.type": "User"}  # as every row of ours says it


def condition_of(text: str, model: type[Resource[Any]], fields: Fields) -> Q:
    """Which rows of `fields` fit; all of them for an empty filter. Raises FilterUnfit."""
    if not text:
        return Q()
    if len(text) > LONGEST:
        raise FilterUnfit("This filter is too long.")
    try:
        return Conditions(fields).visit(ScimFilter[model](text).ast)  # type: ignore[valid-type]
    except (SCIMException, ValueError, RecursionError) as error:
        raise FilterUnfit(detail=repr(error)[:300]) from error


class Conditions(FilterVisitor[Q]):
    """`prefix` is the attribute within whose brackets we are: `emails` in `emails[type eq "work"]`."""

    def __init__(self, fields: Fields, prefix: str = "") -> None:
        self.fields, self.prefix = fields, prefix

    def name_of(self, path: AttrPath) -> str:
        parts = (self.prefix, path.attr, path.sub_attr)
        return ".".join(part for part in parts if part).lower()

    def field_of(self, path: AttrPath) -> tuple[str, bool]:
        if (name := self.name_of(path)) not in self.fields:
            raise FilterUnfit(f"People and groups can't be found by {path} here.")
        return self.fields[name]

    def visit_logical_expr(self, node: LogicalExpr) -> Q:
        join: Callable[[Q, Q], Q] = and_ if node.op == LogicalOperator.and_ else or_
        return reduce(join, [self.visit(term) for term in node.terms])

    def visit_not(self, node: Not) -> Q:
        return ~self.visit(node.expr)

    def visit_value_path(self, node: ValuePath) -> Q:
        return Conditions(self.fields, self.name_of(node.attr_path)).visit(node.val_filter)

    def visit_present(self, node: Present) -> Q:
        field, _ = self.field_of(node.attr_path)
        return filled(field)

    def visit_comparison(self, node: Comparison) -> Q:
        if (name := self.name_of(node.attr_path)) in ALWAYS_TRUE:
            return constant(node.op.value, str(ALWAYS_TRUE[name]).lower() == str(node.value).lower())
        field, is_exact = self.field_of(node.attr_path)
        return compared(field, node.op.value, node.value, is_exact=is_exact)


def constant(operator: str, is_equal: bool) -> Q:
    if operator not in ("eq", "ne"):
        raise FilterUnfit
    return Q() if is_equal is (operator == "eq") else NOTHING


def compared(field: str, operator: str, value: Any, *, is_exact: bool) -> Q:
    if operator == "ne":
        return ~compared(field, "eq", value, is_exact=is_exact)
    if value is None:
        return ~filled(field) if operator == "eq" else NOTHING
    if operator in ORDERED:
        return Q(**{f"{field}__{ORDERED[operator]}": as_moment(field, value)})
    return by_text(field, LOOKUPS[operator], value, is_exact=is_exact)


def by_text(field: str, lookup: str, value: Any, *, is_exact: bool) -> Q:
    if field.endswith("pk"):
        return Q(**{field: UUID(value)}) if lookup == "exact" and is_uuid(value) else NOTHING
    if field == "is_active":
        return Q(is_active=is_true(value))
    if field.endswith(MOMENTS):
        return Q(**{field: as_moment(field, value)})
    is_absent = lookup == "exact" and value == ""
    if is_absent or "\x00" in str(value):  # which PostgreSQL takes in no text
        return NOTHING
    return filled(field) & Q(**{f"{field}__{'' if is_exact else 'i'}{lookup}": str(value)})


MOMENTS = ("date_joined", "created_at", "changed_at")


def filled(field: str) -> Q:
    if field.endswith(("pk", "is_active", *MOMENTS)):
        return Q(**{f"{field}__isnull": False})
    return Q(**{f"{field}__isnull": False}) & ~Q(**{field: ""})


def as_moment(field: str, value: Any) -> datetime:
    moment = parse_datetime(str(value)) if field.endswith(MOMENTS) else None
    if moment is None or moment.tzinfo is None:
        raise FilterUnfit("Only moments such as 2026-01-31T12:00:00Z can be compared by size.")
    return moment


def is_true(value: Any) -> bool:
    if str(value).lower() not in ("true", "false"):
        raise FilterUnfit("Compare active with true or false.")
    return str(value).lower() == "true"


def is_uuid(value: Any) -> bool:
    try:
        UUID(str(value))
    except ValueError:
        return False
    return True
