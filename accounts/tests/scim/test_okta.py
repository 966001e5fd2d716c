"""Requests as Okta documents that it sends them: https://developer.okta.com/docs/api/openapi/okta-scim/guides/scim-20/"""

from __future__ import annotations

from typing import Any

from accounts.models import Group
from accounts.tests.scim.conftest import GROUP, USER, Directory
from tenants.context import entered

NEW = {
    "schemas": [USER],
    "userName": "test.user@okta.local.example",
    "name": {"givenName": "Test", "familyName": "User"},
    "emails": [{"primary": True, "value": "test.user@okta.local.example", "type": "work"}],
    "displayName": "Test User",
    "locale": "en-US",
    "externalId": "00ujl29u0le5T6Aj10h7",
    "groups": [],
    "password": "1mz050nq",
    "active": True,
}


def test_a_person_from_the_first_question_to_the_last(directory: Directory) -> None:
    # "does this person exist?"
    found = directory.get("Users", filter='userName eq "test.user@okta.local.example"', startIndex="1", count="100")
    assert (found["totalResults"], found["Resources"]) == (0, [])
    # made
    made = directory.post("Users", NEW)
    assert made["userName"] == NEW["userName"]
    assert made["active"] is True
    assert made["name"] == {"formatted": "Test User", "givenName": "Test", "familyName": "User"}
    assert made["externalId"] == NEW["externalId"]
    assert made["meta"]["resourceType"] == "User"
    assert made["meta"]["location"].endswith(f"acme.localhost:8000/scim/v2/Users/{made['id']}")
    user = directory.person(made)
    assert (user.email, user.name, user.role, user.has_usable_password()) == (
        "test.user@okta.local.example",
        "Test User",
        "member",
        False,
    )
    # read, and written back as a whole with a change
    read = directory.get(f"Users/{made['id']}")
    changed = {**read, "name": {"givenName": "Another", "familyName": "User"}, "displayName": "Another User"}
    assert directory.put(f"Users/{made['id']}", changed)["displayName"] == "Another User"
    assert directory.person(made).name == "Another User"
    # deactivated by a PATCH without a path, and found deactivated
    off = directory.patch(f"Users/{made['id']}", {"op": "replace", "value": {"active": False}})
    assert off["active"] is False
    assert not directory.person(made).is_active
    assert directory.find("Users", 'userName eq "test.user@okta.local.example"')[0]["active"] is False
    # and activated
    directory.patch(f"Users/{made['id']}", {"op": "replace", "value": {"active": True}})
    assert directory.person(made).is_active


def test_imports_go_page_by_page(directory: Directory) -> None:
    for number in range(4):
        directory.add(f"p{number}@example.org")
    seen = []
    for start in ("1", "3", "5"):
        page = directory.get("Users", startIndex=start, count="2")
        assert (page["totalResults"], page["startIndex"]) == (5, int(start))
        seen += [one["userName"] for one in page["Resources"]]
    assert seen == ["olive@example.org", *(f"p{number}@example.org" for number in range(4))]
    assert directory.get("Users", count="0") == {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
        "totalResults": 5,
        "startIndex": 1,
        "itemsPerPage": 0,
        "Resources": [],
    }


def members_of(directory: Directory, group: Any) -> set[str]:
    return {one["display"] for one in directory.get(f"Groups/{group['id']}").get("members", [])}


def test_a_group_is_pushed(directory: Directory) -> None:
    ada, bob = directory.add("ada@example.org"), directory.add("bob@example.org")
    made = directory.post("Groups", {"schemas": [GROUP], "displayName": "Test SCIMv2", "members": []})
    with entered(directory.organisation.schema_name):
        assert Group.objects.get().name == "Test SCIMv2"
    address = f"Groups/{made['id']}"
    # members come and go
    directory.patch(
        address,
        {"op": "remove", "path": f'members[value eq "{bob["id"]}"]'},
        {"op": "add", "path": "members", "value": [{"value": ada["id"], "display": "ada@example.org"}]},
    )
    assert members_of(directory, made) == {"ada@example.org"}
    directory.patch(
        address, {"op": "replace", "path": "members", "value": [{"value": bob["id"], "display": "bob@example.org"}]}
    )
    assert members_of(directory, made) == {"bob@example.org"}
    directory.patch(address, {"op": "remove", "path": f'members[value eq "{bob["id"]}"]'})
    assert members_of(directory, made) == set()
    # a new name, as Okta sends it: with the id in the value
    directory.patch(address, {"op": "replace", "value": {"id": made["id"], "displayName": "Test SCIMv2 2"}})
    assert directory.get(address)["displayName"] == "Test SCIMv2 2"
    # as a whole
    body = {**made, "displayName": "Whole", "members": [{"value": ada["id"], "display": "ada@example.org"}]}
    assert directory.put(address, body)["displayName"] == "Whole"
    assert members_of(directory, made) == {"ada@example.org"}
    directory.delete(address)
    assert directory.get("Groups")["totalResults"] == 0
