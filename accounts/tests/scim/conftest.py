from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from accounts.models import User
from accounts.permissions import Role
from accounts.scim.tokens import token_issue
from conftest import Host
from tenants.context import entered
from tenants.models import Organisation

PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"


class Directory:
    """Speaks to /scim/v2/ of one organisation with a token, as Okta and Entra do."""

    def __init__(self, organisation: Organisation, token: str) -> None:
        self.host, self.headers = Host(organisation), {"authorization": f"Bearer {token}"}
        self.organisation = organisation

    def ask(self, method: str, path: str, body: Any = None, expect: int = 0, **query: str) -> Any:
        sent = json.dumps(body) if body is not None else ""
        response = self.host.generic(
            method,
            f"/scim/v2/{path}",
            sent,
            content_type="application/scim+json; charset=utf-8",
            headers=self.headers,
            query_params=query,
        )
        if expect:
            assert response.status_code == expect, response.content.decode()
        return json.loads(response.content) if response.content else {}

    def get(self, path: str, expect: int = 200, **query: str) -> Any:
        return self.ask("GET", path, expect=expect, **query)

    def post(self, path: str, body: Any, expect: int = 201) -> Any:
        return self.ask("POST", path, body, expect)

    def put(self, path: str, body: Any, expect: int = 200) -> Any:
        return self.ask("PUT", path, body, expect)

    def patch(self, path: str, *operations: Any, expect: int = 0) -> Any:
        wanted = expect or (204 if path.startswith("Groups") else 200)
        return self.ask("PATCH", path, {"schemas": [PATCH], "Operations": list(operations)}, wanted)

    def delete(self, path: str, expect: int = 204) -> Any:
        return self.ask("DELETE", path, expect=expect)

    def find(self, kind: str, text: str) -> list[Any]:
        return list(self.get(kind, filter=text)["Resources"])

    def add(self, user_name: str, **more: Any) -> Any:
        return self.post("Users", {"schemas": [USER], "userName": user_name, **more})

    def add_group(self, name: str, *members: Any, **more: Any) -> Any:
        listed = [{"value": one["id"]} for one in members]
        return self.post("Groups", {"schemas": [GROUP], "displayName": name, "members": listed, **more})

    def person(self, resource: Any) -> User:
        with entered(self.organisation.schema_name):
            return User.objects.get(pk=resource["id"])


@pytest.fixture
def owner(acme: Organisation, make_person: Callable[..., User]) -> User:
    return make_person(acme, "olive@example.org", Role.OWNER)


@pytest.fixture
def directory(acme: Organisation, owner: User) -> Directory:
    with entered(acme.schema_name):
        return Directory(acme, token_issue(by=owner, name="Okta", days=30))


@pytest.fixture
def other_directory(globex: Organisation, make_person: Callable[..., User]) -> Directory:
    by = make_person(globex, "olive@example.org", Role.OWNER)
    with entered(globex.schema_name):
        return Directory(globex, token_issue(by=by, name="Entra", days=None))
