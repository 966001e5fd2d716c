"""What Entra and Okta send as a PATCH, in the form that the standard describes. Knows no Django."""

from __future__ import annotations

from typing import Any


def as_documented(body: Any) -> Any:
    """What is no PATCH is left as it is, and refused by whoever reads it."""
    operations = body.get("Operations") if isinstance(body, dict) else None
    if not isinstance(operations, list):
        return body
    return {**body, "Operations": [each for one in operations for each in apart(by_value(one))]}


def apart(operation: Any) -> list[Any]:
    """Paths with filters, as names in a value that has no path: each becomes an operation of its own."""
    value = operation.get("value") if isinstance(operation, dict) and not operation.get("path") else None
    if not isinstance(value, dict):
        return [operation]
    plain = {name: one for name, one in value.items() if "[" not in name}
    named = [{**operation, "path": name, "value": one} for name, one in value.items() if "[" in name]
    return [*([{**operation, "value": plain}] if plain or not named else []), *named]


def by_value(operation: Any) -> Any:
    """Whom a `remove` names is said by their id: what else stands there may be as it was, or empty."""
    if not isinstance(operation, dict) or str(operation.get("op", "")).lower() != "remove":
        return operation
    value = operation.get("value")
    if not isinstance(value, list) or not all(isinstance(one, dict) and "value" in one for one in value):
        return operation
    return {**operation, "value": [{"value": one["value"]} for one in value]}
