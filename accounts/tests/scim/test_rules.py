"""What a directory may not do, what it is told then, and what follows from what it does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.actions import api_key_issue
from accounts.errors import NotAllowed
from accounts.models import AuditEvent, Group, ScimToken, User
from accounts.people.actions import group_create
from accounts.people.ending import access_ended
from accounts.permissions import Role
from accounts.scim.roles import rules_change
from accounts.scim.tokens import token_issue
from accounts.tests.scim.conftest import GROUP, USER, Directory
from tenants.context import entered
from tenants.models import Organisation

MakePerson = Callable[..., User]
ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"


def actions(organisation: Organisation) -> list[str]:
    with entered(organisation.schema_name):
        return list(AuditEvent.objects.order_by("id").values_list("action", flat=True))


# -- owners ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["patch", "put", "delete"])
def test_the_last_owner_stays(directory: Directory, owner: User, way: str) -> None:
    address = f"Users/{owner.pk}"
    told = {
        "patch": lambda: directory.patch(address, {"op": "replace", "value": {"active": False}}, expect=409),
        "put": lambda: directory.put(
            address, {"schemas": [USER], "userName": owner.email, "active": False}, expect=409
        ),
        "delete": lambda: directory.delete(address, expect=409),
    }[way]()
    assert (told["schemas"], told["status"], told["scimType"]) == ([ERROR], "409", "mutability")
    assert "at least one active owner" in told["detail"]
    assert directory.person({"id": owner.pk}).is_active
    assert directory.get(address)["active"] is True


def test_an_owner_of_several_is_shut_out_but_keeps_role_and_address(
    directory: Directory, acme: Organisation, owner: User, make_person: MakePerson
) -> None:
    second = make_person(acme, "otto@example.org", Role.OWNER)
    with entered(acme.schema_name):
        rules_change(by=owner, default_role="viewer", role_map={"Staff": "member"})
    address = f"Users/{second.pk}"
    told = directory.patch(
        address, {"op": "replace", "path": 'emails[type eq "work"].value', "value": "thief@example.org"}, expect=400
    )
    assert told["scimType"] == "mutability"
    directory.add_group("Staff", {"id": str(second.pk)})
    directory.patch(address, {"op": "replace", "value": {"externalId": "otto"}})
    assert directory.patch(address, {"op": "replace", "value": {"active": False}})["active"] is False
    row = directory.person({"id": second.pk})
    assert (row.role, row.email, row.is_active) == ("owner", "otto@example.org", False)


# -- linking --------------------------------------------------------------------------------------


def test_somebody_who_is_here_already_is_linked_once(
    directory: Directory, acme: Organisation, make_person: MakePerson
) -> None:
    ada = make_person(acme, "ada@example.org", Role.EDITOR)
    assert directory.find("Users", 'userName eq "ada@example.org"')[0]["id"] == str(ada.pk)
    made = directory.add("Ada@Example.org", externalId="a1", displayName="Ada L.")
    assert made["id"] == str(ada.pk)
    row = directory.person(made)
    assert (row.role, row.name, row.has_usable_password()) == ("editor", "Ada", True)
    told = directory.ask("POST", "Users", {"schemas": [USER], "userName": "ada@example.org"}, 409)
    assert told["scimType"] == "uniqueness"
    # nor does somebody else get the name, the id or the address
    bob = directory.add("bob@example.org", externalId="b1")
    for change in (
        {"userName": "ADA@example.org"},
        {"externalId": "a1"},
        {'emails[type eq "work"].value': "ada@example.org"},
    ):
        told = directory.patch(f"Users/{bob['id']}", {"op": "replace", "value": change}, expect=409)
        assert told["scimType"] == "uniqueness", change
    assert directory.get(f"Users/{bob['id']}")["userName"] == "bob@example.org"


def test_a_group_of_ours_is_taken_over_by_its_name_and_only_then_deleted(
    directory: Directory, acme: Organisation
) -> None:
    with entered(acme.schema_name):
        sales, board = group_create(name="Sales", cost_centre="42"), group_create(name="Board")
    made = directory.add_group("sales", externalId="g1")
    assert made["id"] == str(sales.pk)
    assert (
        directory.ask("POST", "Groups", {"schemas": [GROUP], "displayName": "Sales"}, 409)["scimType"] == "uniqueness"
    )
    assert directory.delete(f"Groups/{board.pk}", expect=400)["scimType"] == "mutability"
    directory.delete(f"Groups/{sales.pk}")
    with entered(acme.schema_name):
        assert list(Group.objects.values_list("name", flat=True)) == ["Board"]


def test_programs_are_no_people_and_stay_in_their_groups(
    directory: Directory, acme: Organisation, make_person: MakePerson
) -> None:
    ada = directory.add("ada@example.org")
    with entered(acme.schema_name):
        robot = User.objects.create_user("r@service.invalid", None, is_service=True)
        group = group_create(name="Board", members=[robot.pk])
    directory.get(f"Users/{robot.pk}", expect=404)
    directory.put(f"Groups/{group.pk}", {"schemas": [GROUP], "displayName": "Board", "members": [{"value": ada["id"]}]})
    assert [one["value"] for one in directory.get(f"Groups/{group.pk}")["members"]] == [ada["id"]]
    with entered(acme.schema_name):
        assert set(group.members.values_list("email", flat=True)) == {"ada@example.org", "r@service.invalid"}
    directory.patch(
        f"Groups/{group.pk}", {"op": "add", "path": "members", "value": [{"value": str(robot.pk)}]}, expect=400
    )


# -- roles ----------------------------------------------------------------------------------------


def test_roles_follow_groups_and_the_attribute(directory: Directory, acme: Organisation, owner: User) -> None:
    with entered(acme.schema_name):
        rules_change(by=owner, default_role="viewer", role_map={"Vena admins": "admin", "Writer": "editor"})
    ada = directory.add("ada@example.org")
    assert directory.person(ada).role == "viewer"
    group = directory.add_group("Vena admins", ada)
    assert directory.person(ada).role == "admin"
    directory.patch(f"Users/{ada['id']}", {"op": "add", "path": "roles", "value": [{"value": "Writer"}]})
    assert directory.person(ada).role == "admin"
    directory.delete(f"Groups/{group['id']}")
    assert directory.person(ada).role == "editor"
    assert actions(acme).count("person.role_changed") == 2


def test_nobody_becomes_owner_by_a_map(acme: Organisation, owner: User, make_person: MakePerson, on_host: Any) -> None:
    host = on_host(acme)
    host.sign_in("olive@example.org")
    answer = host.post("/people/sign-in/scim/", {"default_role": "member", "role_map": "Bosses = owner"})
    assert answer.status_code == 422
    assert "Bosses = owner" in answer.content.decode()


# -- what follows ---------------------------------------------------------------------------------


def test_who_is_deactivated_is_out_at_once(
    directory: Directory, acme: Organisation, make_person: MakePerson, on_host: Any,
    django_capture_on_commit_callbacks: Any,
) -> None:  # fmt: skip
    ada, looked = make_person(acme), []
    browser = on_host(acme)
    browser.sign_in("ada@example.org")
    with entered(acme.schema_name):
        key = {"authorization": f"Bearer {api_key_issue(user=ada, name='mine')}"}
    assert browser.get("/api/v1/me/").status_code == on_host(acme).get("/api/v1/me/", headers=key).status_code == 200

    def heard(schema_name: str, **kwargs: Any) -> None:
        looked.append(schema_name)

    access_ended.connect(heard)
    with django_capture_on_commit_callbacks(execute=True):
        directory.patch(f"Users/{ada.pk}", {"op": "replace", "value": {"active": False}})
    assert looked == ["org_acme"]
    assert browser.get("/api/v1/me/").status_code == on_host(acme).get("/api/v1/me/", headers=key).status_code == 401
    # activated again, the session stays gone
    directory.patch(f"Users/{ada.pk}", {"op": "replace", "value": {"active": True}})
    assert browser.get("/api/v1/me/").status_code == 401
    assert on_host(acme).get("/api/v1/me/", headers=key).status_code == 200


def test_all_of_it_is_in_the_log_without_names_in_the_details(directory: Directory, acme: Organisation) -> None:
    ada = directory.add("ada@example.org", displayName="Ada Lovelace")
    group = directory.add_group("Board", ada)
    directory.patch(f"Groups/{group['id']}", {"op": "remove", "path": "members"})
    directory.delete(f"Users/{ada['id']}")
    with entered(acme.schema_name):
        rows = list(AuditEvent.objects.filter(actor_label="SCIM: Okta").order_by("id"))
    assert {row.actor_kind for row in rows} == {"key"}
    assert [row.action for row in rows] == [
        "scim_token.first_use_of_day",
        "person.added",
        "scim.linked",
        "group.added",
        "scim.linked",
        "group.changed",
        "person.changed",
    ]
    assert rows[5].detail == {"removed": {"count": 1, "ids": [ada["id"]]}}
    assert not any("Ada" in str(row.detail) or "@" in str(row.detail) for row in rows)


# -- errors ---------------------------------------------------------------------------------------

WRONG = {
    "no userName": ("POST", "Users", {"schemas": [USER]}, "invalidValue"),
    "no address": ("POST", "Users", {"schemas": [USER], "userName": "ada"}, "invalidValue"),
    "bad address": ("POST", "Users", {"schemas": [USER], "userName": "a", "emails": [{"value": "b"}]}, "invalidValue"),
    "zero": ("POST", "Users", {"schemas": [USER], "userName": "a@b.example", "externalId": "\x00"}, "invalidValue"),
    "long": ("POST", "Users", {"schemas": [USER], "userName": "a" * 300 + "@b.example"}, "invalidValue"),
    "not a truth": ("POST", "Users", {"schemas": [USER], "userName": "a@b.example", "active": "maybe"}, "invalidValue"),
    "a list": ("POST", "Users", [1], "invalidSyntax"),
    "no name": ("POST", "Groups", {"schemas": [GROUP], "displayName": " "}, "invalidValue"),
    "nobody": (
        "POST", "Groups", {"schemas": [GROUP], "displayName": "x", "members": [{"value": "nobody"}]}, "invalidValue"
    ),
    "filter": ("GET", "Users?filter=userName+eq", None, "invalidFilter"),
    "filter of nothing we keep": ("GET", 'Users?filter=title+eq+"x"', None, "invalidFilter"),
    "filter too long": ("GET", "Users?filter=" + "(" * 3000, None, "invalidFilter"),
    "no number": ("GET", "Users?startIndex=first", None, "invalidValue"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_told(directory: Directory, case: str) -> None:
    method, path, body, kind = WRONG[case]
    told = directory.ask(method, path, body, 400)
    assert (told["schemas"], told["status"], told["scimType"]) == ([ERROR], "400", kind), told
    assert told["detail"]
    assert directory.get("Users")["totalResults"] == 1


PATCHES = {
    "read only": ({"op": "replace", "path": "id", "value": "x"}, "mutability"),
    "required": ({"op": "remove", "path": "userName"}, "mutability"),
    "groups": ({"op": "add", "path": "groups", "value": [{"value": "x"}]}, "mutability"),
    "no path": ({"op": "remove"}, "noTarget"),
    "unknown op": ({"op": "move", "path": "active"}, "invalidValue"),
    "bad path": ({"op": "replace", "path": "emails[", "value": 1}, "invalidPath"),
    "empty name": ({"op": "replace", "path": "userName", "value": ""}, "invalidValue"),
}


@pytest.mark.parametrize("case", PATCHES)
def test_what_is_wrong_in_a_patch_changes_nothing(directory: Directory, owner: User, case: str) -> None:
    operation, kind = PATCHES[case]
    good = {"op": "replace", "path": "displayName", "value": "Changed"}
    told = directory.patch(f"Users/{owner.pk}", good, operation, expect=400)
    assert told["scimType"] == kind, told
    assert directory.person({"id": owner.pk}).name == "Olive"


def test_no_json_and_unknown_addresses(directory: Directory) -> None:
    answer = directory.host.post("/scim/v2/Users", "{", content_type="application/scim+json", headers=directory.headers)
    assert (answer.status_code, answer.json()["scimType"]) == (400, "invalidSyntax")
    assert answer["Content-Type"].startswith("application/scim+json")
    for path in ("Pets", "Users/not-an-id", "", "Bulk", "Me"):
        assert directory.ask("GET", path, expect=404)["status"] == "404"
    assert directory.ask("POST", "ServiceProviderConfig", {}, 405)["status"] == "405"


# -- tokens, organisations ------------------------------------------------------------------------


def test_no_token_of_another_kind_or_place_opens_it(
    directory: Directory, other_directory: Directory, acme: Organisation, owner: User, make_key: Any, on_host: Any
) -> None:
    swapped = Directory(other_directory.organisation, "")
    swapped.headers = directory.headers
    signed_in = on_host(acme)
    signed_in.sign_in("olive@example.org")
    assert signed_in.get("/scim/v2/Users").status_code == 401
    for headers in (swapped.headers, {}, {"authorization": f"Bearer {make_key(acme, owner)}"}):
        swapped.headers = headers
        assert swapped.get("Users", expect=401)["status"] == "401"
    # nor does a token open anything else
    assert directory.host.get("/api/v1/me/", headers=directory.headers).status_code == 401
    with entered(acme.schema_name):
        ScimToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    directory.get("Users", expect=401)


def test_organisations_never_meet(directory: Directory, other_directory: Directory) -> None:
    mine = directory.add("ada@example.org", externalId="1")
    group = directory.add_group("Board", mine, externalId="1")
    theirs = other_directory.add("ada@example.org", externalId="1")
    assert theirs["id"] != mine["id"]
    for path in (f"Users/{mine['id']}", f"Groups/{group['id']}"):
        other_directory.get(path, expect=404)
        other_directory.delete(path, expect=404)
        other_directory.patch(path, {"op": "replace", "value": {"displayName": "x"}}, expect=404)
        other_directory.put(path, {"schemas": [USER, GROUP], "userName": "x@x.example", "displayName": "x"}, expect=404)
    told = other_directory.ask(
        "POST", "Groups", {"schemas": [GROUP], "displayName": "Board", "members": [{"value": mine["id"]}]}, 400
    )
    assert told["scimType"] == "invalidValue"
    other_directory.delete(f"Users/{theirs['id']}")
    assert directory.get(f"Users/{mine['id']}")["active"] is True
    assert directory.get("Groups")["Resources"][0]["members"][0]["value"] == mine["id"]


def test_it_is_limited(directory: Directory, settings: Any) -> None:
    settings.VENA_API_REQUESTS_PER_MINUTE = 2
    answers = [directory.ask("GET", "Users", count="0").get("status", "200") for _ in range(4)]
    assert answers == ["200", "200", "429", "429"]


def test_guesses_are_limited(directory: Directory, settings: Any) -> None:
    settings.VENA_LIMITS = {**settings.VENA_LIMITS, "scim_refused": (2, 3600)}
    good, directory.headers = directory.headers, {"authorization": "Bearer vena-scim_00000000_guess"}
    assert [directory.ask("GET", "Users")["status"] for _ in range(3)] == ["401", "401", "429"]
    directory.headers = good
    directory.get("Users")


def test_a_suspended_organisation_answers_json(directory: Directory, acme: Organisation) -> None:
    acme.state = "suspended"
    acme.save()
    assert directory.ask("GET", "Users")["code"] == "organisation_suspended"


def test_the_page(acme: Organisation, owner: User, make_person: MakePerson, on_host: Any) -> None:
    """Owners only; the token is shown once, and works no more when it is revoked."""
    make_person(acme, "admin@example.org", Role.ADMIN)
    admin, host = on_host(acme), on_host(acme)
    admin.sign_in("admin@example.org")
    assert admin.get("/people/sign-in/scim/").status_code == 403
    assert admin.post("/people/sign-in/scim/tokens/", {"name": "x", "days": ""}).status_code == 403
    with entered(acme.schema_name), pytest.raises(NotAllowed):
        token_issue(by=User.objects.get(email="admin@example.org"), name="x", days=None)
    host.sign_in("olive@example.org")
    assert "http://acme.localhost:8000/scim/v2<" in host.get("/people/sign-in/scim/").content.decode()
    shown = host.post("/people/sign-in/scim/tokens/", {"name": "Entra", "days": "30"}).content.decode()
    token = shown.partition("data-scim-token>")[2].partition("<")[0]
    directory = Directory(acme, token)
    directory.get("Users")
    page = host.get("/people/sign-in/scim/").content.decode()
    assert token not in page
    assert "Used " in page
    host.post("/people/sign-in/scim/", {"default_role": "viewer", "role_map": "Bosses = admin"})
    assert directory.person(directory.add("ada@example.org")).role == "viewer"
    with entered(acme.schema_name):
        row = ScimToken.objects.get()
    host.post(f"/people/sign-in/scim/tokens/{row.pk}/revoke/")
    directory.get("Users", expect=401)
    assert {"scim_token.made", "scim_token.revoked", "scim_rules.changed"} <= set(actions(acme))
