"""Who may do what: one table, read by views, the API, the admin site and consumers alike.

`manage.py permissions_page` writes it into docs/permissions.md.
"""

from __future__ import annotations

from django.db import models


class Role(models.TextChoices):
    OWNER = "owner", "Owner"
    ADMIN = "admin", "Admin"
    EDITOR = "editor", "Knowledge editor"
    FINANCE = "finance", "Finance"
    MEMBER = "member", "Member"
    VIEWER = "viewer", "Viewer"


class Can(models.TextChoices):
    """Which documents: those of collections that a person's groups open. See `knowledge.selectors`."""

    READ_DOCUMENTS = "read_documents", "Search, read and download documents"
    READ_SHARED = "read_shared", "Read answers that colleagues share"
    ASK = "ask", "Ask questions, also by the API and the socket"
    MAKE_KEYS = "make_keys", "Make API keys for oneself"
    EDIT_DOCUMENTS = "edit_documents", "Add, change and delete documents; gaps, golden questions, measurements"
    MANAGE_ANSWERS = "manage_answers", "Choose models, provider keys, instructions and experiments"
    READ_USAGE = "read_usage", "Read what was spent, by whom and on what"
    MANAGE_BUDGETS = "manage_budgets", "Give, change and switch off budgets"
    MANAGE_PLAN = "manage_plan", "Choose the plan, cancel it, and say whom invoices are made out to"
    MANAGE_ACCESS = "manage_access", "Say which groups may read and write a collection"
    MANAGE_PEOPLE = "manage_people", "Invite, change, deactivate and delete people; groups"
    MANAGE_KEYS = "manage_keys", "See and revoke everybody's API keys; make service keys"
    READ_AUDIT = "read_audit", "Read and export the audit log"
    MANAGE_BRANDING = "manage_branding", "Change the organisation's name, logo and colours"
    MANAGE_DOMAINS = "manage_domains", "Add and remove the organisation's own domains"
    MANAGE_SUPPORT = "manage_support", "Let the platform's support in, refuse it, end it"
    MANAGE_SIGN_IN = "manage_sign_in", "Say how people sign in: whoever names the provider can become anybody"
    MANAGE_OWNERS = "manage_owners", "Make, change and remove owners"


# fmt: off
_ROWS = {
    #                     owner  admin  editor  finance  member  viewer
    Can.READ_DOCUMENTS:  "yes    yes    yes     yes      yes     yes",
    Can.READ_SHARED:     "yes    yes    yes     yes      yes     yes",
    Can.ASK:             "yes    yes    yes     yes      yes     no",
    Can.MAKE_KEYS:       "yes    yes    yes     yes      yes     no",
    Can.EDIT_DOCUMENTS:  "yes    yes    yes     no       no      no",
    Can.MANAGE_ANSWERS:  "yes    yes    no      no       no      no",
    Can.READ_USAGE:      "yes    yes    no      yes      no      no",
    Can.MANAGE_BUDGETS:  "yes    yes    no      yes      no      no",
    Can.MANAGE_PLAN:     "yes    no     no      yes      no       no",
    Can.MANAGE_ACCESS:   "yes    yes    no      no       no      no",
    Can.MANAGE_PEOPLE:   "yes    yes    no      no       no      no",
    Can.MANAGE_KEYS:     "yes    yes    no      no       no      no",
    Can.READ_AUDIT:      "yes    yes    no      no       no      no",
    Can.MANAGE_BRANDING: "yes    yes    no     no       no      no",
    Can.MANAGE_DOMAINS:  "yes    yes    no     no      no       no",
    Can.MANAGE_SUPPORT:  "yes    yes    no     no      no       no",
    Can.MANAGE_SIGN_IN:  "yes    no     no      no       no      no",
    Can.MANAGE_OWNERS:   "yes    no     no      no       no      no",
}
# fmt: on
TABLE: dict[Role, frozenset[Can]] = {
    role: frozenset(ability for ability, row in _ROWS.items() if row.split()[column] == "yes")
    for column, role in enumerate(Role)
}

# What the Django admin site asks for, as (app, model) → the ability that opens it. What is not here stays shut.
ADMIN_MODELS: dict[tuple[str, str], Can] = {
    ("accounts", "user"): Can.MANAGE_PEOPLE,
    ("accounts", "group"): Can.MANAGE_PEOPLE,
    ("accounts", "invitation"): Can.MANAGE_PEOPLE,
    ("accounts", "apikey"): Can.MANAGE_KEYS,
    ("knowledge", "collection"): Can.MANAGE_ACCESS,
    ("accounts", "auditevent"): Can.READ_AUDIT,
    ("knowledge", "document"): Can.EDIT_DOCUMENTS,
    ("knowledge", "reconcilereport"): Can.EDIT_DOCUMENTS,
    ("chat", "experiment"): Can.MANAGE_ANSWERS,
    ("chat", "arm"): Can.MANAGE_ANSWERS,
}


def may(role: Role | str, ability: Can) -> bool:
    return ability in TABLE[Role(role)]


def may_use_model(role: Role, perm: str) -> bool:
    """Answer Django's `app.action_model` question from the table."""
    app, _, codename = perm.partition(".")
    model = codename.partition("_")[2]
    ability = ADMIN_MODELS.get((app, model))
    return ability is not None and may(role, ability)


def may_use_admin_site(role: Role) -> bool:
    """Whoever finds something there."""
    return any(may(role, ability) for ability in ADMIN_MODELS.values())


def roles_given_by(role: Role | str) -> tuple[Role, ...]:
    """The roles that somebody of this one may give to others."""
    if not may(role, Can.MANAGE_PEOPLE):
        return ()
    return tuple(one for one in Role if one is not Role.OWNER or may(role, Can.MANAGE_OWNERS))
