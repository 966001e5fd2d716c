"""The role table, cell by cell, and what the admin site makes of it."""

from __future__ import annotations

import pytest

from accounts.errors import NotAllowed
from accounts.models import User
from accounts.permissions import ADMIN_MODELS, TABLE, Can, Role, may, may_use_model
from accounts.selectors import require

CELLS = {
    #                     owner  admin  finance member
    "ask":               (True,  True,  True,   True),
    "read_documents":    (True,  True,  True,   True),
    "edit_documents":    (True,  True,  False,  False),
    "manage_people":     (True,  True,  False,  False),
    "read_usage":        (True,  True,  True,   False),
}  # fmt: skip
ROLES = ("owner", "admin", "finance", "member")


def test_the_expectations_cover_the_whole_table() -> None:
    assert set(CELLS) == set(Can)
    assert set(ROLES) == set(Role) == set(TABLE)


@pytest.mark.parametrize(
    ("role", "ability", "allowed"),
    [(role, ability, cell) for ability, cells in CELLS.items() for role, cell in zip(ROLES, cells, strict=True)],
)
def test_each_cell(role: str, ability: str, allowed: bool) -> None:
    assert may(role, Can(ability)) is allowed
    if allowed:
        require(User(role=role), Can(ability))
    else:
        with pytest.raises(NotAllowed):
            require(User(role=role), Can(ability))


@pytest.mark.parametrize("action", ["view", "add", "change", "delete"])
@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(("app", "model"), ADMIN_MODELS)
def test_the_admin_sites_models_follow_the_table(role: str, action: str, app: str, model: str) -> None:
    person = User(role=role)
    expected = role in {"owner", "admin"}
    assert person.has_perm(f"{app}.{action}_{model}") is expected
    assert person.is_staff is expected
    assert person.has_module_perms(app) is expected


@pytest.mark.parametrize(
    "perm",
    [
        "billing.view_modelprice",
        "tenants.change_organisation",
        "sessions.view_session",
        "accounts.view",
        "accounts",
        "",
    ],
)
def test_what_the_table_does_not_name_stays_shut(perm: str) -> None:
    assert not may_use_model(Role.OWNER, perm)


@pytest.mark.parametrize("role", ROLES)
def test_a_deactivated_person_may_nothing(role: str) -> None:
    person = User(role=role, is_active=False)
    assert not person.has_perm("accounts.view_user")
    assert not person.has_module_perms("accounts")


def test_an_unknown_role_is_an_error_and_not_a_member() -> None:
    with pytest.raises(ValueError):
        may("root", Can.ASK)
