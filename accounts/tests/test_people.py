"""What is done to people: by whom, to whom, and that an organisation always keeps an owner."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from accounts.errors import LastOwner, NotAllowed, NotYourself, OwnersOnly, PersonExists, RoleNotYours
from accounts.models import Group, User
from accounts.people.actions import person_add, person_change, person_delete
from accounts.permissions import Role
from tenants.context import entered
from tenants.models import Organisation

MakePerson = Callable[..., User]
API = "/api/v1/people/"


@pytest.fixture
def people(acme: Organisation, make_person: MakePerson) -> dict[str, User]:
    return {role: make_person(acme, f"{role}@acme.example", Role(role)) for role in Role.values}


@pytest.fixture
def signed_in(acme: Organisation, people: dict[str, User], on_host: Any) -> Callable[[str], Any]:
    def make(role: str) -> Any:
        host = on_host(acme)
        with entered(acme.schema_name):
            host.force_login(people[role])
        return host

    return make


@pytest.mark.parametrize(
    ("by", "whom", "changes", "refusal"),
    [
        ("owner", "owner", {"role": "member"}, LastOwner),
        ("owner", "owner", {"is_active": False}, NotYourself),
        ("admin", "owner", {"name": "Taken"}, OwnersOnly),
        ("admin", "member", {"role": "owner"}, RoleNotYours),
        ("admin", "admin", {"is_active": False}, NotYourself),
        ("admin", "member", {"email": "Viewer@acme.example"}, PersonExists),
        ("editor", "member", {"name": "Taken"}, NotAllowed),
        ("finance", "viewer", {"role": "member"}, NotAllowed),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_is_refused_changes_nothing(
    acme: Organisation, people: dict[str, User], by: str, whom: str, changes: dict[str, Any], refusal: Any
) -> None:
    with entered(acme.schema_name):
        before = User.objects.filter(pk=people[whom].pk).values().get()
        with pytest.raises(refusal):
            person_change(person=people[whom], by=people[by], **changes)
        assert User.objects.filter(pk=people[whom].pk).values().get() == before


@pytest.mark.parametrize("change", [{"role": "admin"}, {"is_active": False}], ids=["demoted", "deactivated"])
def test_the_last_owner_stays_one_for_the_identity_provider_too(
    acme: Organisation, people: dict[str, User], change: dict[str, Any]
) -> None:
    with entered(acme.schema_name):
        with pytest.raises(LastOwner):
            person_change(person=people["owner"], by=None, **change)
        with pytest.raises(LastOwner):
            person_delete(person=people["owner"], by=None)
        person_add(email="second@acme.example", name="Second", role=Role.OWNER)
        person_change(person=people["owner"], by=None, **change)
        assert not User.objects.filter(pk=people["owner"].pk, role=Role.OWNER, is_active=True).exists()


def test_two_owners_cannot_remove_each_other_at_once(live_acme: Organisation, make_person: MakePerson) -> None:
    owners = [make_person(live_acme, f"{name}@acme.example", Role.OWNER) for name in ("ada", "bob")]
    refused: list[str] = []
    start = threading.Barrier(2)

    def remove(by: User, whom: User) -> None:
        with entered(live_acme.schema_name):
            start.wait(5)
            try:
                person_change(person=whom, by=by, role=Role.MEMBER)
            except LastOwner:
                refused.append(by.email)
        connection.close()

    threads = [threading.Thread(target=remove, args=pair) for pair in (owners, owners[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    with entered(live_acme.schema_name):
        assert User.objects.filter(role=Role.OWNER, is_active=True).count() == 1
    assert len(refused) == 1


def test_the_last_owner_cannot_be_removed_by_any_way_in(
    acme: Organisation, people: dict[str, User], signed_in: Callable[[str], Any]
) -> None:
    owner, host = people["owner"], signed_in("owner")
    body = {"content_type": "application/json"}
    assert host.patch(f"{API}{owner.pk}/", {"role": "admin"}, **body).json()["code"] == "last_owner"
    assert host.patch(f"{API}{owner.pk}/", {"is_active": False}, **body).status_code == 409
    assert host.delete(f"{API}{owner.pk}/").status_code == 409
    page = host.post(f"/people/{owner.pk}/", {"name": "Boss", "role": "admin", "is_active": "on"})
    assert "at least one active owner" in page.content.decode()
    host.post(f"/people/{owner.pk}/leave/", {"act": "delete"})
    host.logout()
    host.sign_in(owner.email)  # a dangerous act asks for a fresh sign-in
    assert host.post(f"/admin/accounts/user/{owner.pk}/delete/", {"post": "yes"}).status_code == 403
    with entered(acme.schema_name):
        row = User.objects.get(pk=owner.pk)
    assert (row.role, row.is_active) == ("owner", True)


def test_people_are_found_and_changed_over_rest(
    acme: Organisation, people: dict[str, User], signed_in: Callable[[str], Any]
) -> None:
    host = signed_in("admin")
    with entered(acme.schema_name):
        group = Group.objects.create(name="Board")
    viewer = people["viewer"]
    changed = host.patch(
        f"{API}{viewer.pk}/", {"role": "editor", "groups": [str(group.pk)]}, content_type="application/json"
    )
    assert (changed.status_code, changed.json()["role"]) == (200, "editor")
    assert changed.json()["groups"] == [{"id": str(group.pk), "name": "Board"}]
    queries = {"q=VIEWER": 1, "role=editor": 2, f"group={group.pk}": 1, "state=deactivated": 0, "q=nobody": 0}
    assert {query: len(host.get(f"{API}?{query}").json()["results"]) for query in queries} == queries
    assert host.get(f"{API}?group=nonsense").json()["code"] == "group_not_found"
    assert host.patch(f"{API}{viewer.pk}/", {"is_active": False}, content_type="application/json").status_code == 200
    assert signed_in("viewer").get("/api/v1/me/").status_code == 401


def test_groups_over_rest(acme: Organisation, people: dict[str, User], signed_in: Callable[[str], Any]) -> None:
    host, body = signed_in("admin"), {"content_type": "application/json"}
    made = host.post("/api/v1/groups/", {"name": " Board  of ", "members": [str(people["member"].pk)]}, **body)
    assert (made.status_code, made.json()["name"]) == (201, "Board of")
    assert host.post("/api/v1/groups/", {"name": "board OF"}, **body).json()["code"] == "group_exists"
    address = f"/api/v1/groups/{made.json()['id']}/"
    assert host.patch(address, {"cost_centre": "4711", "members": []}, **body).json()["members"] == []
    assert host.get(address).json()["cost_centre"] == "4711"
    assert host.delete(address).status_code == 204
    assert host.get(address).status_code == 404


@pytest.mark.parametrize("path", ["people/{person}/", "groups/{group}/", "invitations/{person}/"])
def test_another_organisations_people_are_not_there(
    acme: Organisation, globex: Organisation, make_person: MakePerson, on_host: Any, path: str
) -> None:
    make_person(acme, "ada@example.org", Role.OWNER)
    there = make_person(globex, "grace@example.org")
    with entered(globex.schema_name):
        group = Group.objects.create(name="Board")
    host = on_host(acme)
    host.sign_in("ada@example.org")
    address = "/api/v1/" + path.format(person=there.pk, group=group.pk)
    assert host.delete(address).status_code == 404
    assert "grace" not in host.get("/people/").content.decode()
    assert "Board" not in host.get("/people/groups/").content.decode()


def test_the_pages_change_people_and_groups(
    acme: Organisation, people: dict[str, User], signed_in: Callable[[str], Any]
) -> None:
    host = signed_in("admin")
    assert host.post("/people/groups/", {"name": "Board", "cost_centre": "1"}).status_code == 302
    with entered(acme.schema_name):
        group = Group.objects.get()
    member = people["member"]
    form = {"name": "Mo", "role": "viewer", "groups": [str(group.pk)], "is_active": "on"}
    assert host.post(f"/people/{member.pk}/", form).status_code == 302
    with entered(acme.schema_name):
        row = User.objects.get(pk=member.pk)
        assert (row.name, row.role, list(row.member_of.all())) == ("Mo", "viewer", [group])
    assert host.post(f"/people/groups/{group.pk}/", {"name": "Board", "members": []}).status_code == 302
    with entered(acme.schema_name):
        assert not row.member_of.exists()
    assert host.post(f"/people/groups/{group.pk}/", {"act": "delete"}).status_code == 302
    assert "Only an owner may change an owner" in host.get(f"/people/{people['owner'].pk}/").content.decode()


def test_ones_own_settings_are_kept_and_used(
    acme: Organisation, people: dict[str, User], signed_in: Callable[[str], Any]
) -> None:
    host = signed_in("member")
    form = {"name": "Mo", "language": "en-us", "time_zone": "Asia/Tokyo", "theme": "dark"}
    assert host.post("/me/", form).status_code == 302
    page = host.get("/documents/").content.decode()
    assert '<html lang="en-us" data-person-theme="dark" data-theme="dark">' in page
    me = host.get("/api/v1/me/").json()
    assert {name: me[name] for name in form} == form
    assert host.patch("/api/v1/me/", {"theme": "system"}, content_type="application/json").json()["theme"] == "system"
    assert "data-theme=" not in host.get("/documents/").content.decode()
    wrong = host.patch("/api/v1/me/", {"time_zone": "Mars/Olympus", "role": "owner"}, content_type="application/json")
    assert wrong.status_code == 400
    assert host.get("/api/v1/me/").json()["role"] == "member"


def test_pages_tell_the_time_where_the_person_is(
    acme: Organisation, people: dict[str, User], signed_in: Callable[[str], Any]
) -> None:
    host = signed_in("admin")
    with entered(acme.schema_name):
        User.objects.filter(pk=people["viewer"].pk).update(last_login="2026-01-31T20:00:00Z")
    assert "31 Jan 2026" in host.get("/people/").content.decode()
    with entered(acme.schema_name):
        User.objects.filter(pk=people["admin"].pk).update(time_zone="Asia/Tokyo")
    assert "1 Feb 2026" in host.get("/people/").content.decode()
    shown = host.get(f"{API}?q=viewer").json()["results"][0]["last_login"]
    assert shown == "2026-01-31T20:00:00Z"  # the API speaks UTC to everybody
