"""What a key is for: every address of the API, `/v1/` and the socket, one table; service keys; limits; the end."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from accounts.errors import KeyNotForThis
from accounts.keys.actions import api_key_issue
from accounts.models import ApiKey, Group, User
from accounts.permissions import Role
from accounts.scopes import ADDRESSES, EVERY, Scope, needed, require_scope
from accounts.websockets import Credential, is_signed_in
from tenants.context import entered, in_public
from tenants.models import Organisation
from tenants.tests.handshakes import handshake

MakePerson = Callable[..., User]
SIGNED_IN_ONLY = (
    "/api/v1/audit/",
    "/api/v1/people/",
    "/api/v1/invitations/",
    "/api/v1/groups/",
    "/api/v1/answer-policy/",
    "/api/v1/provider-keys/",
)


def issue(organisation: Organisation, user: User, *scopes: str, **more: Any) -> dict[str, str]:
    with entered(organisation.schema_name):
        return {"authorization": f"Bearer {api_key_issue(user=user, name='test', scopes=scopes or EVERY, **more)}"}


def routes(patterns: list[URLPattern | URLResolver], prefix: str = "/") -> list[str]:
    found: list[str] = []
    for one in patterns:
        path = prefix + str(one.pattern)
        found += routes(one.url_patterns, path) if isinstance(one, URLResolver) else [path]
    return found


def test_every_address_of_the_api_is_either_for_a_scope_or_for_people() -> None:
    """A new one has to be put into the table, or named here as one that no key opens."""
    paths = routes(get_resolver("vena_platform.urls_api").url_patterns)
    assert len(paths) > 40
    for path in paths:
        assert bool(needed("GET", path)) is not path.startswith(SIGNED_IN_ONLY), path


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_key_needs_one_of_the_scopes_and_no_other_will_do(address: str, method: str) -> None:
    wanted = set(needed(method, address))
    for scope in Scope.values:
        if scope in wanted:
            require_scope([scope], method, address)
        else:
            with pytest.raises(KeyNotForThis):
                require_scope([scope], method, address)


REQUESTS = {
    "read": [("get", "/api/v1/documents/"), ("get", "/api/v1/collections/"), ("post", "/api/v1/search/")],
    "ask": [("get", "/api/v1/conversations/"), ("post", "/api/v1/conversations/"), ("get", "/v1/models")],
    "ingest": [("post", "/api/v1/collections/"), ("post", "/api/v1/documents/reindex/")],
}


def test_real_requests_with_each_scope(acme: Organisation, make_person: MakePerson, on_host: Any) -> None:
    """What is sent is wrong, so that nothing happens: 403 comes before it is looked at."""
    owner, host = make_person(acme, "ada@example.org", Role.OWNER), on_host(acme)
    for scope in EVERY:
        header = issue(acme, owner, scope)
        for wanted, requests in REQUESTS.items():
            for method, path in requests:
                answer = getattr(host, method)(path, headers=header, content_type="application/json")
                assert (answer.status_code == 403) is (scope != wanted), (scope, path, answer.status_code)
                if scope != wanted:
                    assert "key_scope" in answer.content.decode()
        assert host.get("/api/v1/me/", headers=header).status_code == 200
        refused = host.get("/api/v1/people/", headers=header)
        assert (refused.status_code, refused.json()["code"]) == (403, "key_scope")


def test_a_scope_gives_nothing_the_role_does_not(acme: Organisation, make_person: MakePerson, on_host: Any) -> None:
    header = issue(acme, make_person(acme, role=Role.VIEWER))
    asked = on_host(acme).post(
        "/api/v1/conversations/", {"text": "Why?"}, content_type="application/json", headers=header
    )
    assert (asked.status_code, asked.json()["code"]) == (403, "not_allowed")


async def test_the_socket_asks_the_same_table(
    live_acme: Organisation, make_person: MakePerson, live_globex: Organisation
) -> None:
    def keys() -> dict[str, str]:
        person = make_person(live_acme)
        return {scope: issue(live_acme, person, scope)["authorization"] for scope in EVERY}

    heard = {}
    for scope, header in (await in_public(keys)).items():
        opened = await handshake("acme.localhost:8000", authorization=header)
        frame = json.loads(opened["heard"]["text"])
        heard[scope] = frame.get("code", frame["type"])
    assert heard == {"read": "key_scope", "ask": "pong", "ingest": "key_scope", "usage": "key_scope"}


def test_each_key_has_a_limit_of_its_own(
    acme: Organisation, make_person: MakePerson, on_host: Any, settings: Any
) -> None:
    settings.VENA_API_REQUESTS_PER_MINUTE = 2
    person, host = make_person(acme), on_host(acme)
    one, other, wide = issue(acme, person), issue(acme, person), issue(acme, person, requests_per_minute=50)
    assert [host.get("/api/v1/me/", headers=one).status_code for _ in range(3)] == [200, 200, 429]
    assert host.get("/api/v1/me/", headers=other)["RateLimit-Remaining"] == "1"
    assert host.get("/api/v1/me/", headers=wide)["RateLimit-Limit"] == "50"


@pytest.mark.parametrize("end", ["revoked", "expired", "deactivated"])
def test_a_key_that_is_over_is_refused_at_once(
    acme: Organisation, make_person: MakePerson, on_host: Any, end: str
) -> None:
    person, host = make_person(acme), on_host(acme)
    header = issue(acme, person)
    credential = Credential(api_key=header["authorization"].removeprefix("Bearer "))
    assert host.get("/api/v1/me/", headers=header).status_code == 200
    with entered(acme.schema_name):
        assert is_signed_in(credential)
        if end == "revoked":
            host.force_login(person)
            host.post(f"/me/keys/{ApiKey.objects.get().pk}/revoke/")
        elif end == "expired":
            ApiKey.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
        else:
            User.objects.update(is_active=False)
        assert not is_signed_in(credential)  # what the open sockets' watch asks
    assert on_host(acme).get("/api/v1/me/", headers=header).status_code == 401


# -- the page -------------------------------------------------------------------------------------

SECRET = re.compile(r"vena_[0-9a-f]{8}_[\w-]{43}")


@pytest.fixture
def page(acme: Organisation, make_person: MakePerson, on_host: Any) -> Callable[[str], Any]:
    def make(role: str) -> Any:
        person = make_person(acme, f"{role}@acme.example", Role(role))
        host = on_host(acme)
        with entered(acme.schema_name):
            host.force_login(person)
        return host

    return make


def test_a_key_is_shown_once_and_works_as_it_was_made(acme: Organisation, page: Any, on_host: Any) -> None:
    host = page("member")
    made = host.post("/me/keys/", {"name": "Script", "scopes": ["read", "usage"], "days": "30"})
    (secret,) = SECRET.findall(made.content.decode())
    assert "no-store" in made["Cache-Control"]
    again = host.get("/me/keys/").content.decode()
    assert not SECRET.search(again)
    assert f"{secret[:13]}_…" in again
    with entered(acme.schema_name):
        row = ApiKey.objects.get()
    assert row.scopes == ["read", "usage"]
    assert row.expires_at
    assert timedelta(days=29) < row.expires_at - timezone.now() < timedelta(days=31)
    assert on_host(acme).get("/api/v1/documents/", headers={"authorization": f"Bearer {secret}"}).status_code == 200


def test_a_key_for_nothing_is_not_made(acme: Organisation, page: Any) -> None:
    made = page("member").post("/me/keys/", {"name": "Script", "scopes": ["everything"], "days": "30"})
    assert made.status_code == 400
    with entered(acme.schema_name):
        assert not ApiKey.objects.exists()


def test_nobody_revokes_a_colleagues_key_but_admins_do(acme: Organisation, page: Any, make_person: MakePerson) -> None:
    issue(acme, make_person(acme))
    with entered(acme.schema_name):
        row = ApiKey.objects.get()
    assert page("member").post(f"/me/keys/{row.pk}/revoke/").status_code == 404
    admin = page("admin")
    assert row.prefix in admin.get("/me/keys/").content.decode()
    assert admin.post(f"/me/keys/{row.pk}/revoke/").status_code == 302
    with entered(acme.schema_name):
        assert ApiKey.objects.get().revoked_at


def test_a_service_key_is_nobodys_and_never_an_admins(acme: Organisation, page: Any, on_host: Any) -> None:
    admin = page("admin")
    with entered(acme.schema_name):
        group = Group.objects.create(name="Board")
    form = {"service-name": "Crawler", "service-scopes": ["ingest"], "service-days": "", "service-role": "admin"}
    assert admin.post("/me/keys/service/", form).status_code == 400
    made = admin.post("/me/keys/service/", {**form, "service-role": "editor", "service-groups": [str(group.pk)]})
    (secret,) = SECRET.findall(made.content.decode())
    header = {"authorization": f"Bearer {secret}"}
    program = on_host(acme)
    assert program.post("/api/v1/collections/", {"name": "New"}, "application/json", headers=header).status_code == 201
    with entered(acme.schema_name):
        account = User.objects.get(is_service=True)
        assert (account.role, list(account.member_of.all()), account.is_staff) == ("editor", [group], False)
        assert not account.has_usable_password()
    assert "Crawler" not in admin.get("/people/").content.decode()
    assert "Crawler" not in admin.get("/api/v1/people/").content.decode()
    with entered(acme.schema_name):
        User.objects.filter(email="admin@acme.example").delete()  # whoever made it leaves: it goes on
    assert program.get("/api/v1/me/", headers=header).status_code == 200
