"""The organisation's own admin site: who gets in, what it shows, and whom an admin may touch."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin import AdminSite
from django.core import mail

from accounts.models import ApiKey, Group, User
from accounts.permissions import Role
from tenants.context import entered
from tenants.models import Organisation
from vena_platform.admin_sites import operator_admin, tenant_admin

MakePerson = Callable[..., User]
PEOPLE = "/admin/accounts/user/"
OPERATOR = "operator@vena.example"


@pytest.fixture
def sign_in(acme: Organisation, make_person: MakePerson, on_host: Any) -> Callable[[str], Any]:
    """A browser of a person with this role, on acme's host."""

    def make(role: str) -> Any:
        make_person(acme, f"{role}@acme.example", Role(role))
        host = on_host(acme)
        host.sign_in(f"{role}@acme.example")
        return host

    return make


@pytest.fixture
def operator(db: None, on_host: Any) -> Any:
    User.objects.create_superuser(OPERATOR, "correct horse battery")
    host = on_host(None)
    assert host.sign_in(OPERATOR).status_code == 302
    return host


def models_of(site: AdminSite) -> set[str]:
    return {f"{model._meta.app_label}.{model._meta.model_name}" for model in site._registry}


def person(organisation: Organisation, email: str) -> User | None:
    with entered(organisation.schema_name):
        return User.objects.filter(email=email).first()


def form(email: str, role: str = "member", **more: str) -> dict[str, str]:
    return {"email": email, "name": "Somebody", "role": role, "is_active": "on", **more}


# -- who gets in ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("role", "status"), [("owner", 200), ("admin", 200), ("editor", 403), ("member", 403)])
@pytest.mark.parametrize("path", [PEOPLE, PEOPLE + "add/", "/admin/accounts/apikey/", "/admin/accounts/group/"])
def test_owners_and_admins_only(sign_in: Any, role: str, status: int, path: str) -> None:
    assert sign_in(role).get(path, follow=True).status_code == status


@pytest.mark.parametrize("role", ["finance", "member"])
def test_others_change_nothing(acme: Organisation, sign_in: Any, role: str) -> None:
    host = sign_in(role)
    host.post(PEOPLE + "add/", form("new@acme.example"))
    assert person(acme, "new@acme.example") is None


def test_a_stranger_is_sent_to_the_sign_in_of_the_host(acme: Organisation, on_host: Any) -> None:
    response = on_host(acme).get("/admin/", follow=True)
    assert [url for url, _ in response.redirect_chain] == [
        "/admin/login/?next=/admin/",
        "/accounts/login/?next=/admin/",
    ]


# -- which models ---------------------------------------------------------------------------------


SHARED = {"accounts.user", "accounts.auditevent"}  # each site shows those of its own schema


def test_the_two_sites_share_people_and_the_log_only() -> None:
    assert models_of(tenant_admin) == {
        "accounts.user",
        "accounts.group",
        "accounts.invitation",
        "accounts.apikey",
        "accounts.auditevent",
        "knowledge.collection",
        "knowledge.document",
        "knowledge.reconcilereport",
        "chat.experiment",
    }
    assert models_of(operator_admin) >= {"accounts.user", "tenants.organisation", "billing.usageevent"}
    assert models_of(tenant_admin) & models_of(operator_admin) == SHARED


@pytest.mark.parametrize("role", ["owner", "admin"])
def test_an_organisations_index_lists_its_own_models(sign_in: Any, role: str) -> None:
    listed = {
        f"{app['app_label']}.{model['object_name'].lower()}"
        for app in sign_in(role).get("/admin/").context["app_list"]
        for model in app["models"]
    }
    assert listed == models_of(tenant_admin)


@pytest.mark.parametrize(
    "path", [f"/admin/{name.replace('.', '/')}/" for name in sorted(models_of(operator_admin) - SHARED)]
)
def test_operators_models_are_not_on_an_organisations_host(sign_in: Any, operator: Any, path: str) -> None:
    assert sign_in("owner").get(path).status_code == 404
    assert operator.get(path).status_code == 200


@pytest.mark.parametrize(
    "path", [f"/admin/{name.replace('.', '/')}/" for name in sorted(models_of(tenant_admin) - SHARED)]
)
def test_an_organisations_models_are_not_on_the_public_host(sign_in: Any, operator: Any, path: str) -> None:
    assert operator.get(path).status_code == 404
    assert sign_in("owner").get(path).status_code == 200


def test_operators_see_operators_only(acme: Organisation, sign_in: Any, operator: Any) -> None:
    page = sign_in("owner").get(PEOPLE).content.decode()
    assert "owner@acme.example" in page
    assert OPERATOR not in page
    page = operator.get(PEOPLE).content.decode()
    assert OPERATOR in page
    assert "owner@acme.example" not in page


def test_who_is_no_operator_gets_nothing_on_the_public_host(db: None, on_host: Any) -> None:
    User.objects.create_user("staff@vena.example", "correct horse battery", role=Role.OWNER)
    host = on_host(None)
    host.sign_in("staff@vena.example")
    assert host.get("/admin/").status_code == 302


def test_an_operators_password_opens_no_organisation(acme: Organisation, operator: Any, on_host: Any) -> None:
    host = on_host(acme)
    host.sign_in(OPERATOR)
    assert host.get("/admin/", follow=True).redirect_chain[-1][0].startswith("/accounts/login/")


# -- people ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["owner", "admin"])
def test_adding_a_person_sends_a_link_to_choose_a_password(
    live_acme: Organisation, live_globex: Organisation, make_person: MakePerson, on_host: Any, role: str
) -> None:
    # given
    make_person(live_acme, "boss@acme.example", Role(role))
    host = on_host(live_acme)
    host.sign_in("boss@acme.example")
    # when
    assert host.post(PEOPLE + "add/", form("New@Acme.example")).status_code == 302
    # then
    added = person(live_acme, "new@acme.example")
    assert added
    assert not added.has_usable_password()
    assert person(live_globex, "new@acme.example") is None
    (message,) = mail.outbox
    assert message.to == ["new@acme.example"]
    (link,) = re.findall(r"http://acme\.localhost:8000(/accounts/\S+)", str(message.body))
    newcomer = on_host(live_acme)
    choose = newcomer.get(link, follow=True).redirect_chain[-1][0]
    newcomer.post(choose, {"password1": "a password of my own", "password2": "a password of my own"})
    newcomer.sign_in("new@acme.example", "a password of my own")
    assert newcomer.get("/api/v1/me/").json()["email"] == "new@acme.example"


def test_no_link_for_a_person_who_was_not_saved(
    sign_in: Any, django_capture_on_commit_callbacks: Any, acme: Organisation
) -> None:
    host = sign_in("admin")
    with django_capture_on_commit_callbacks(execute=True) as callbacks:
        assert host.post(PEOPLE + "add/", form("ADMIN@acme.example")).status_code == 200  # taken
    assert callbacks == []
    assert mail.outbox == []


def test_changing_a_person_sends_nothing(acme: Organisation, sign_in: Any, make_person: MakePerson) -> None:
    host, other = sign_in("admin"), make_person(acme)
    host.post(f"{PEOPLE}{other.pk}/change/", form(other.email, "finance"))
    assert person(acme, other.email).role == "finance"  # type: ignore[union-attr]
    assert mail.outbox == []


def test_an_admin_makes_no_owner(acme: Organisation, sign_in: Any, make_person: MakePerson) -> None:
    # given
    host, other = sign_in("admin"), make_person(acme)
    me = person(acme, "admin@acme.example")
    assert me
    # when
    host.post(PEOPLE + "add/", form("new@acme.example", "owner"))
    for somebody in (other, me):
        host.post(f"{PEOPLE}{somebody.pk}/change/", form(somebody.email, "owner"))
    # then
    assert person(acme, "new@acme.example") is None
    with entered(acme.schema_name):
        assert not User.objects.filter(role=Role.OWNER).exists()


def test_an_owner_makes_an_owner(acme: Organisation, sign_in: Any, make_person: MakePerson) -> None:
    host, other = sign_in("owner"), make_person(acme)
    host.post(f"{PEOPLE}{other.pk}/change/", form(other.email, "owner"))
    assert person(acme, other.email).role == "owner"  # type: ignore[union-attr]


@pytest.mark.parametrize("action", ["change", "delete"])
def test_an_admin_touches_no_owner(acme: Organisation, sign_in: Any, make_person: MakePerson, action: str) -> None:
    host, owner = sign_in("admin"), make_person(acme, "boss@acme.example", Role.OWNER)
    response = host.post(f"{PEOPLE}{owner.pk}/{action}/", {**form("taken@acme.example"), "post": "yes"})
    assert response.status_code == 403
    boss = person(acme, "boss@acme.example")
    assert boss
    assert (boss.role, boss.is_active, boss.name) == ("owner", True, "Boss")


def test_nobody_deletes_themselves(acme: Organisation, sign_in: Any) -> None:
    host = sign_in("owner")
    me = person(acme, "owner@acme.example")
    assert me
    assert host.post(f"{PEOPLE}{me.pk}/delete/", {"post": "yes"}).status_code == 403
    assert person(acme, "owner@acme.example")


@pytest.mark.parametrize("change", [{"role": "admin"}, {"is_active": ""}])
def test_the_last_owner_stays_one(acme: Organisation, sign_in: Any, change: dict[str, str]) -> None:
    """Or nobody could ever make another."""
    host = sign_in("owner")
    me = person(acme, "owner@acme.example")
    assert me
    response = host.post(f"{PEOPLE}{me.pk}/change/", form(me.email, **{"role": "owner", **change}))
    assert "at least one active owner" in response.content.decode()
    still = person(acme, "owner@acme.example")
    assert still
    assert (still.role, still.is_active) == ("owner", True)


def test_one_of_two_owners_may_step_back(acme: Organisation, sign_in: Any, make_person: MakePerson) -> None:
    host = sign_in("owner")
    make_person(acme, "second@acme.example", Role.OWNER)
    me = person(acme, "owner@acme.example")
    assert me
    host.post(f"{PEOPLE}{me.pk}/change/", form(me.email, "member"))
    assert person(acme, me.email).role == "member"  # type: ignore[union-attr]


@pytest.mark.parametrize("email", ["ADA@example.org", "ada@EXAMPLE.org"])
def test_one_address_is_one_person(acme: Organisation, sign_in: Any, make_person: MakePerson, email: str) -> None:
    host = sign_in("admin")
    make_person(acme)
    assert host.post(PEOPLE + "add/", form(email)).status_code == 200
    with entered(acme.schema_name):
        assert User.objects.filter(email__iexact=email).count() == 1


def test_no_form_makes_a_superuser(acme: Organisation, sign_in: Any, make_person: MakePerson) -> None:
    host, other = sign_in("owner"), make_person(acme)
    host.post(f"{PEOPLE}{other.pk}/change/", form(other.email, is_superuser="on", is_staff="on", password="x"))
    changed = person(acme, other.email)
    assert changed
    assert (changed.is_superuser, changed.password) == (False, other.password)


# -- groups ---------------------------------------------------------------------------------------


def test_groups_are_made_and_given_members_there(acme: Organisation, sign_in: Any, make_person: MakePerson) -> None:
    host, other = sign_in("admin"), make_person(acme)
    path = "/admin/accounts/group/add/"
    assert host.post(path, {"name": "Board", "cost_centre": "4711", "members": [str(other.pk)]}).status_code == 302
    assert "There is a group of this name" in host.post(path, {"name": "BOARD"}).content.decode()
    with entered(acme.schema_name):
        group = Group.objects.get()
        assert (group.name, group.cost_centre, list(group.members.all())) == ("Board", "4711", [other])


# -- API keys -------------------------------------------------------------------------------------


def test_keys_are_listed_without_their_secret_and_revoked(
    acme: Organisation, sign_in: Any, make_person: MakePerson, make_key: Any
) -> None:
    # given
    host = sign_in("admin")
    key = make_key(acme, make_person(acme))
    with entered(acme.schema_name):
        row = ApiKey.objects.get()
    # when
    page = host.get("/admin/accounts/apikey/").content.decode()
    host.post("/admin/accounts/apikey/", {"action": "revoke", "_selected_action": str(row.pk)})
    # then
    assert row.prefix in page
    assert key.split("_", 2)[2] not in page
    assert row.secret_hash not in page
    with entered(acme.schema_name):
        assert ApiKey.objects.get().revoked_at is not None


@pytest.mark.parametrize("action", ["add", "change"])
def test_keys_are_not_made_or_edited_there(
    acme: Organisation, sign_in: Any, make_person: MakePerson, make_key: Any, action: str
) -> None:
    host = sign_in("owner")
    make_key(acme, make_person(acme))
    with entered(acme.schema_name):
        row = ApiKey.objects.get()
    path = "add/" if action == "add" else f"{row.pk}/change/"
    assert host.post(f"/admin/accounts/apikey/{path}", {"name": "other", "user": str(row.user_id)}).status_code == 403
    with entered(acme.schema_name):
        assert [key.name for key in ApiKey.objects.all()] == ["test"]
