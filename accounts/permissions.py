"""Who may do what: one table, read by views, the API, the admin site and consumers alike."""

from __future__ import annotations

from enum import StrEnum

from django.db import models


class Role(models.TextChoices):
    OWNER = "owner", "Owner"
    ADMIN = "admin", "Admin"
    FINANCE = "finance", "Finance"
    MEMBER = "member", "Member"


class Can(StrEnum):
    ASK = "ask"
    READ_DOCUMENTS = "read_documents"
    EDIT_DOCUMENTS = "edit_documents"
    MANAGE_PEOPLE = "manage_people"
    READ_USAGE = "read_usage"


TABLE: dict[Role, frozenset[Can]] = {
    Role.OWNER: frozenset(Can),
    Role.ADMIN: frozenset({Can.ASK, Can.READ_DOCUMENTS, Can.EDIT_DOCUMENTS, Can.MANAGE_PEOPLE, Can.READ_USAGE}),
    Role.FINANCE: frozenset({Can.ASK, Can.READ_DOCUMENTS, Can.READ_USAGE}),
    Role.MEMBER: frozenset({Can.ASK, Can.READ_DOCUMENTS}),
}

# What the Django admin site asks for, as (app, model) → the ability that opens it. What is not here stays shut.
ADMIN_MODELS: dict[tuple[str, str], Can] = {
    ("accounts", "user"): Can.MANAGE_PEOPLE,
    ("accounts", "apikey"): Can.MANAGE_PEOPLE,
    ("knowledge", "collection"): Can.EDIT_DOCUMENTS,
    ("knowledge", "document"): Can.EDIT_DOCUMENTS,
    ("knowledge", "reconcilereport"): Can.EDIT_DOCUMENTS,
}


def may(role: Role | str, ability: Can) -> bool:
    return ability in TABLE[Role(role)]


def may_use_model(role: Role, perm: str) -> bool:
    """Answer Django's `app.action_model` question from the table."""
    app, _, codename = perm.partition(".")
    model = codename.partition("_")[2]
    ability = ADMIN_MODELS.get((app, model))
    return ability is not None and may(role, ability)
