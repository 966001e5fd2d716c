"""The role table, cell by cell against real requests, and what the admin site makes of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.core.management import call_command

from accounts.errors import NotAllowed
from accounts.models import Group, User
from accounts.permissions import ADMIN_MODELS, TABLE, Can, Role, may, may_use_model, roles_given_by
from accounts.selectors import require
from chat.models import Conversation
from knowledge.models import Collection
from tenants.context import entered
from tenants.models import Organisation

CELLS = {
    #                     owner  admin  editor finance member viewer
    "read_documents":    (True,  True,  True,  True,   True,  True),
    "read_shared":       (True,  True,  True,  True,   True,  True),
    "ask":               (True,  True,  True,  True,   True,  False),
    "make_keys":         (True,  True,  True,  True,   True,  False),
    "edit_documents":    (True,  True,  True,  False,  False, False),
    "manage_answers":    (True,  True,  False, False,  False, False),
    "read_usage":        (True,  True,  False, True,   False, False),
    "manage_budgets":    (True,  True,  False, True,   False, False),
    "manage_plan":       (True,  False, False, True,   False, False),
    "manage_access":     (True,  True,  False, False,  False, False),
    "manage_people":     (True,  True,  False, False,  False, False),
    "manage_keys":       (True,  True,  False, False,  False, False),
    "read_audit":        (True,  True,  False, False,  False, False),
    "manage_branding":   (True,  True,  False, False,  False, False),
    "manage_domains":    (True,  True,  False, False,  False, False),
    "manage_support":    (True,  True,  False, False,  False, False),
    "manage_sign_in":    (True,  False, False, False,  False, False),
    "manage_owners":     (True,  False, False, False,  False, False),
}  # fmt: skip
ROLES = ("owner", "admin", "editor", "finance", "member", "viewer")


@dataclass(frozen=True)
class Ask:
    """A request that only needs the ability: allowed, it is answered with `status`; refused, with 403 `not_allowed`."""

    method: str
    path: str
    status: int
    body: dict[str, Any] | None = None


REQUESTS: dict[str, list[Ask]] = {
    "read_documents": [
        Ask("get", "/api/v1/documents/", 200),
        Ask("get", "/api/v1/collections/", 200),
        Ask("get", "/documents/", 200),
    ],
    "read_shared": [Ask("get", "/c/{shared}/shared/", 200)],
    "ask": [Ask("post", "/api/v1/conversations/", 429, {"text": "How many days?"})],  # one too many, see below
    "make_keys": [Ask("post", "/me/keys/", 400, {})],
    "edit_documents": [
        Ask("patch", "/api/v1/collections/{collection}/", 200, {"description": "Changed."}),
        Ask("post", "/api/v1/documents/reindex/", 200, {"collection": "{collection}", "dry_run": True}),
        Ask("get", "/api/v1/golden-questions/", 200),
        Ask("get", "/api/v1/gaps/", 200),
        Ask("get", "/knowledge/quality/", 200),
        Ask("get", "/knowledge/gaps/", 200),
        Ask("get", "/admin/knowledge/document/", 200),
    ],
    "manage_answers": [
        Ask("get", "/api/v1/answer-policy/", 200),
        Ask("get", "/api/v1/reembeddings/", 200),
        Ask("get", "/knowledge/answers/", 200),
        Ask("get", "/knowledge/models/", 200),
        Ask("get", "/admin/chat/experiment/", 200),
    ],
    "read_usage": [Ask("get", "/api/v1/usage/", 200), Ask("get", "/usage/", 200), Ask("get", "/billing/", 200)],
    "manage_budgets": [Ask("post", "/api/v1/budgets/", 400, {}), Ask("get", "/usage/budgets/", 200)],
    "manage_plan": [
        Ask("get", "/billing/details/", 200),
        Ask("get", "/billing/cancel/", 200),
        Ask("post", "/billing/resume/", 200),
    ],
    "manage_access": [
        Ask("patch", "/api/v1/collections/{collection}/", 200, {"access": "everyone"}),
        Ask("get", "/admin/knowledge/collection/", 200),
    ],
    "manage_people": [
        Ask("get", "/people/", 200),
        Ask("get", "/api/v1/people/", 200),
        Ask("get", "/api/v1/invitations/", 200),
        Ask("get", "/api/v1/groups/", 200),
        Ask("get", "/admin/accounts/user/", 200),
        Ask("get", "/admin/accounts/group/", 200),
        Ask("get", "/admin/accounts/invitation/", 200),
    ],
    "manage_keys": [Ask("get", "/admin/accounts/apikey/", 200), Ask("post", "/me/keys/service/", 400, {})],
    "read_audit": [Ask("get", "/api/v1/audit/", 200), Ask("get", "/admin/accounts/auditevent/", 200)],
    "manage_branding": [
        Ask("get", "/organisation/branding/", 200),
        Ask("get", "/organisation/branding/shades/?accent=%23336699", 200),
    ],
    "manage_domains": [Ask("get", "/organisation/domains/", 200)],
    "manage_support": [Ask("get", "/organisation/support/", 200)],
    "manage_sign_in": [Ask("get", "/people/sign-in/", 200)],
    "manage_owners": [
        Ask("patch", "/api/v1/people/{owner}/", 200, {"name": "Boss"}),
        Ask("post", "/api/v1/invitations/", 201, {"email": "{role}@new.example", "role": "owner"}),
    ],
}


def test_the_expectations_cover_the_whole_table() -> None:
    assert set(CELLS) == set(Can.values)
    assert set(REQUESTS) == set(Can.values)
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


@pytest.fixture
def browsers(acme: Organisation, make_person: Callable[..., User], on_host: Any) -> dict[str, Any]:
    """One of each role, signed in."""
    found = {}
    for role in ROLES:
        person = make_person(acme, f"{role}@acme.example", Role(role))
        found[role] = on_host(acme)
        with entered(acme.schema_name):
            found[role].force_login(person)
    return found


@pytest.fixture
def names(acme: Organisation, browsers: dict[str, Any]) -> dict[str, str]:
    with entered(acme.schema_name):
        boss = User.objects.create_user("boss@acme.example", "x", role=Role.OWNER)
        row = Conversation.objects.create(member=boss, title="Shared", shared_at=boss.date_joined)
        collection = Collection.objects.create(name="Documents")
        group = Group.objects.create(name="Board")
    return {"owner": str(boss.pk), "shared": str(row.pk), "collection": str(collection.pk), "group": str(group.pk)}


def filled(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: filled(one, names) for key, one in value.items()}
    return value.format(**names) if isinstance(value, str) and "{" in value else value


@pytest.mark.parametrize("ability", list(REQUESTS))
def test_each_cell_by_real_requests(
    browsers: dict[str, Any], names: dict[str, str], ability: str, settings: Any
) -> None:
    settings.VENA_QUESTIONS_PER_MINUTE = 0  # counted when it is known that the person may ask
    got, expected = {}, {}
    for ask in REQUESTS[ability]:
        for role, allowed in zip(ROLES, CELLS[ability], strict=True):
            known = {**names, "role": role}
            more: dict[str, Any] = {"follow": True}  # the admin site sends those away who may not be there
            more |= (
                {"data": filled(ask.body, known), "content_type": "application/json"} if ask.body is not None else {}
            )
            answer = getattr(browsers[role], ask.method)(filled(ask.path, known), **more)
            got[ask.method, ask.path, role] = answer.status_code
            expected[ask.method, ask.path, role] = ask.status if allowed else 403
    assert got == expected


@pytest.mark.parametrize("action", ["view", "add", "change", "delete"])
@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(("app", "model"), ADMIN_MODELS)
def test_the_admin_sites_models_follow_the_table(role: str, action: str, app: str, model: str) -> None:
    person = User(role=role)
    column = ROLES.index(role)
    assert person.has_perm(f"{app}.{action}_{model}") is CELLS[ADMIN_MODELS[app, model]][column]
    assert person.is_staff is (role in {"owner", "admin", "editor"})
    assert person.has_module_perms(app) is person.is_staff


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


def test_no_role_gives_more_than_it_has() -> None:
    assert set(roles_given_by("owner")) == set(Role)
    assert set(roles_given_by("admin")) == set(Role) - {Role.OWNER}
    assert all(roles_given_by(role) == () for role in ("editor", "finance", "member", "viewer"))


def test_the_page_in_the_docs_is_up_to_date() -> None:
    call_command("permissions_page", "--check")
