"""docs/permissions.md, made of the tables that the code asks."""

from __future__ import annotations

from collections.abc import Iterable

from accounts.permissions import ADMIN_MODELS, TABLE, Can, Role, may
from accounts.scopes import ADDRESSES, Scope

HEAD = """# Who may do what

Written by `manage.py permissions_page` from `accounts/permissions.py` and `accounts/scopes.py`, which every view, API
address, admin page and socket asks. A test compares this page with them, and each cell with real requests.

## Roles
"""
GROUPS = """
Which documents: those of collections that are open to everyone, and of those that name a group of the person's as
reader or writer. This holds for owners and admins too. A collection that names writers is changed by editors of these
groups only, one without writers by every editor who may read it. Who manages access may say which groups a collection
names without reading it.

An organisation always has an active owner: the last one can't be removed, demoted or deactivated, in whatever way.

## The admin site
"""
KEYS = """
## API keys
A key may do what its person may, and of that only what its scopes are for. Addresses that are not listed take no key:
they need somebody signed in.
"""


def permissions_page() -> str:
    roles = table(["", *(role.label for role in Role)], ([one.label, *marks(one)] for one in Can))
    models = table(["model", "opened by"], ([f"{app}.{name}", ability.label] for (app, name), ability in listed()))
    scopes = table(["scope", "for"], ([f"`{one.value}`", one.label.partition(": ")[2]] for one in Scope))
    addresses = table(["address", "to look", "to change"], address_rows())
    return f"{HEAD}{roles}{GROUPS}{models}{KEYS}{scopes}\n{addresses}"


def marks(ability: Can) -> list[str]:
    return ["yes" if may(role, ability) else "–" for role in TABLE]


def listed() -> list[tuple[tuple[str, str], Can]]:
    return sorted(ADMIN_MODELS.items())


def address_rows() -> Iterable[list[str]]:
    for address, needed in ADDRESSES.items():
        yield [f"`{address}`", *("any" if len(one) == len(Scope) else " or ".join(one) or "–" for one in needed)]


def table(head: list[str], rows: Iterable[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
