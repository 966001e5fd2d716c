"""Requests as Microsoft documents that Entra sends them:
https://learn.microsoft.com/en-us/entra/identity/app-provisioning/use-scim-to-provision-users-and-groups"""

from __future__ import annotations

import uuid
from typing import Any

from accounts.tests.scim.conftest import GROUP, USER, Directory

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


def new(nick: str = "abc", **more: Any) -> dict[str, Any]:
    return {
        "schemas": [USER, ENTERPRISE],
        "externalId": nick,
        "userName": f"{nick}@testuser.example.com",
        "active": True,
        "emails": [{"primary": True, "type": "work", "value": f"{nick}@newuser.example.com"}],
        "meta": {"resourceType": "User"},
        "name": {"formatted": "givenName familyName", "familyName": "familyName", "givenName": "givenName"},
        "roles": [],
        ENTERPRISE: {"department": "Sales", "employeeNumber": "701984"},
        **more,
    }


def test_the_connection_is_tested_with_somebody_who_is_nobody(directory: Directory) -> None:
    assert directory.get("Users", filter=f'userName eq "{uuid.uuid4()}"') == {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
        "totalResults": 0,
        "startIndex": 1,
        "itemsPerPage": 0,
        "Resources": [],
    }


def test_a_person(directory: Directory) -> None:
    made = directory.post("Users", new())
    address = f"Users/{made['id']}"
    assert directory.person(made).email == "abc@newuser.example.com"
    assert made["userName"] == "abc@testuser.example.com"
    # found again, by what they match on
    for text in (
        'userName eq "ABC@testuser.example.com"',
        'externalId eq "abc"',
        'emails[type eq "work"].value eq "abc@newuser.example.com"',
        'emails.value eq "abc@newuser.example.com"',
    ):
        assert [one["id"] for one in directory.find("Users", text)] == [made["id"]], text
    # several attributes at once, some of them unknown to us
    directory.patch(
        address,
        {"op": "Replace", "path": 'emails[type eq "work"].value', "value": "updated@newuser.example.com"},
        {"op": "Replace", "path": "name.familyName", "value": "updatedFamilyName"},
        {"op": "Add", "path": f"{ENTERPRISE}:manager", "value": "2819c223"},
        {"op": "Add", "path": 'phoneNumbers[type eq "mobile"].value', "value": "0123"},
    )
    user = directory.person(made)
    assert (user.email, user.name) == ("updated@newuser.example.com", "givenName updatedFamilyName")
    assert directory.get(address)["name"]["familyName"] == "updatedFamilyName"
    # another userName alone leaves the address, which is another one, as it is
    directory.patch(address, {"op": "Replace", "path": "userName", "value": "5b50642d@testuser.example.com"})
    assert directory.person(made).email == "updated@newuser.example.com"
    # without paths, with paths as names
    directory.patch(
        address,
        {"op": "replace", "value": {"displayName": "Shown", 'emails[type eq "work"].value': "third@example.com"}},
    )
    user = directory.person(made)
    assert (user.name, user.email) == ("Shown", "third@example.com")
    # disabled as older tenants send it, and enabled
    directory.patch(address, {"op": "Replace", "path": "active", "value": "False"})
    assert not directory.person(made).is_active
    directory.patch(address, {"op": "Replace", "path": "active", "value": "True"})
    assert directory.person(made).is_active
    # deleted: shut out, and gone for the directory
    directory.delete(address)
    assert not directory.person(made).is_active
    directory.get(address, expect=404)
    assert directory.find("Users", 'externalId eq "abc"') == []
    # and made again: the same person, who has what they had
    mail = [{"primary": True, "type": "work", "value": "third@example.com"}]
    again = directory.post("Users", new(emails=mail))
    assert (again["id"], again["active"], again["externalId"]) == (made["id"], True, "abc")
    # or somebody else, who has the free name
    directory.delete(address)
    assert directory.post("Users", new())["id"] != made["id"]


def test_a_role_of_the_app(directory: Directory) -> None:
    """`roles` as SingleAppRoleAssignment and AssertiveAppRoleAssignmentsComplex map it."""
    made = directory.post("Users", new())
    address = f"Users/{made['id']}"
    directory.patch(address, {"op": "Add", "path": 'roles[primary eq "True"].value', "value": "Reader"})
    assert directory.get(address)["roles"][0]["value"] == "Reader"
    directory.patch(
        address,
        {"op": "Add", "path": "roles", "value": [{"display": "Admin", "primary": "False", "value": "Admin"}]},
    )
    assert {one["value"] for one in directory.get(address)["roles"]} == {"Reader", "Admin"}


def test_a_group(directory: Directory) -> None:
    ada, bob = directory.post("Users", new("ada")), directory.post("Users", new("bob"))
    made = directory.post(
        "Groups",
        {
            "schemas": [GROUP, "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"],
            "externalId": "8aa1a0c0-c4c3-4bc0-b4a5-2ef676900159",
            "displayName": "displayName",
            "meta": {"resourceType": "Group"},
        },
    )
    address = f"Groups/{made['id']}"
    # asked for without the members, of which there may be thousands
    read = directory.get(address, excludedAttributes="members")
    assert "members" not in read
    assert read["displayName"] == "displayName"
    found = directory.get("Groups", filter='displayName eq "displayName"', excludedAttributes="members")
    assert [one["id"] for one in found["Resources"]] == [made["id"]]
    # members
    directory.patch(
        address, {"op": "Add", "path": "members", "value": [{"$ref": None, "value": ada["id"]}, {"value": bob["id"]}]}
    )
    assert {one["value"] for one in directory.get(address)["members"]} == {ada["id"], bob["id"]}
    assert [one["id"] for one in directory.find("Groups", f'members eq "{ada["id"]}"')] == [made["id"]]
    held = directory.get("Groups", filter=f'id eq "{made["id"]}" and members eq "{ada["id"]}"', attributes="id")
    assert held["Resources"] == [{"schemas": [GROUP], "id": made["id"]}]
    directory.patch(address, {"op": "Remove", "path": "members", "value": [{"$ref": None, "value": ada["id"]}]})
    assert [one["value"] for one in directory.get(address)["members"]] == [bob["id"]]
    assert directory.get(f"Users/{bob['id']}")["groups"] == [{"value": made["id"], "display": "displayName"}]
    directory.patch(address, {"op": "Replace", "path": "displayName", "value": "1879db59"})
    assert directory.get(address)["displayName"] == "1879db59"
    directory.delete(address)
    directory.get(address, expect=404)


def test_what_the_service_says_of_itself(directory: Directory) -> None:
    config = directory.get("ServiceProviderConfig")
    assert (config["patch"], config["filter"]["supported"], config["bulk"]["supported"]) == (
        {"supported": True},
        True,
        False,
    )
    assert {one["endpoint"] for one in directory.get("ResourceTypes")["Resources"]} == {"/Users", "/Groups"}
    schema = directory.get(f"Schemas/{USER}")
    names = {one["name"]: one for one in schema["attributes"]}
    assert set(names) == {"userName", "name", "displayName", "active", "emails", "roles", "groups"}
    assert (names["userName"]["required"], names["userName"]["uniqueness"]) == (True, "server")
    assert names["groups"]["mutability"] == "readOnly"
    assert directory.get("Schemas")["totalResults"] == 2
    directory.get("ResourceTypes/Pet", expect=404)
    directory.get("Schemas", expect=403, filter="name pr")
