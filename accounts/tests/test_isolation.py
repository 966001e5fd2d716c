"""Nothing that opens one organisation opens another: sessions, keys, reset links, ids."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.core import mail

from accounts.models import User
from accounts.permissions import Role
from tenants.context import entered
from tenants.models import Organisation

MakePerson = Callable[..., User]
COOKIE = settings.SESSION_COOKIE_NAME


@pytest.fixture
def twins(acme: Organisation, globex: Organisation, make_person: MakePerson) -> User:
    """The hardest case: the same owner in both, id, password and all, as after a restore into another organisation."""
    owner = make_person(acme, "ada@example.org", Role.OWNER)
    with entered(globex.schema_name):
        User.objects.create(id=owner.id, email=owner.email, name=owner.name, role=owner.role, password=owner.password)
    return owner


def signed_in(on_host: Any, organisation: Organisation) -> Any:
    host = on_host(organisation)
    host.sign_in("ada@example.org")
    assert COOKIE in host.cookies
    return host


@pytest.mark.parametrize("path", ["/", "/documents/", "/admin/", "/accounts/password/change/"])
def test_a_session_opens_no_page_of_another_organisation(
    acme: Organisation, globex: Organisation, twins: User, on_host: Any, path: str
) -> None:
    # given
    here, there = signed_in(on_host, acme), on_host(globex)
    there.cookies[COOKIE] = here.cookies[COOKIE].value
    assert here.get(path).status_code == 200
    # when
    response = there.get(path)
    # then
    assert response.status_code == 302
    assert response["Location"].startswith(("/accounts/login/", "/admin/login/"))


def test_a_session_opens_no_api_of_another_organisation(
    acme: Organisation, globex: Organisation, twins: User, on_host: Any
) -> None:
    here, there = signed_in(on_host, acme), on_host(globex)
    there.cookies[COOKIE] = here.cookies[COOKIE].value
    assert here.get("/api/v1/me/").status_code == 200
    refused = there.get("/api/v1/me/")
    assert (refused.status_code, refused.json()["code"]) == (401, "not_authenticated")
    assert there.post("/api/v1/collections/", {"name": "mine"}, "application/json").status_code == 401


def test_a_session_of_an_organisation_opens_nothing_of_the_platform(
    acme: Organisation, twins: User, on_host: Any
) -> None:
    User.objects.create(id=twins.id, email=twins.email, password=twins.password, is_superuser=True)
    here, there = signed_in(on_host, acme), on_host(None)
    there.cookies[COOKIE] = here.cookies[COOKIE].value
    response = there.get("/admin/")
    assert (response.status_code, response["Location"]) == (302, "/admin/login/?next=/admin/")


def test_session_cookies_are_sent_to_their_own_host_only(acme: Organisation, twins: User, on_host: Any) -> None:
    host = signed_in(on_host, acme)
    assert host.cookies[COOKIE]["domain"] == ""
    assert host.cookies[COOKIE]["httponly"] is True
    assert host.cookies[COOKIE]["samesite"] == "Lax"


def test_a_key_works_in_its_organisation_only(
    acme: Organisation, globex: Organisation, twins: User, make_key: Any, on_host: Any
) -> None:
    header = {"authorization": f"Bearer {make_key(acme, twins)}"}
    assert on_host(acme).get("/api/v1/me/", headers=header).status_code == 200
    refused = on_host(globex).get("/api/v1/me/", headers=header)
    assert (refused.status_code, refused.json()["code"]) == (401, "invalid_api_key")


def test_a_password_works_in_its_organisation_only(
    acme: Organisation, globex: Organisation, make_person: MakePerson, on_host: Any
) -> None:
    make_person(acme)
    there = on_host(globex)
    assert there.sign_in("ada@example.org").status_code == 200  # the form again
    assert there.get("/").status_code == 302


def test_a_reset_link_works_in_its_organisation_only(
    acme: Organisation, globex: Organisation, make_person: MakePerson, on_host: Any
) -> None:
    # given
    here, there = make_person(acme), make_person(globex)
    on_host(acme).post("/accounts/password/reset/", {"email": here.email})
    (link,) = re.findall(r"http://acme\.localhost:8000(/accounts/password/reset/key/\S+)", str(mail.outbox[0].body))
    # when
    elsewhere = on_host(globex).get(link, follow=True)
    at_home = on_host(acme).get(link, follow=True)
    # then
    assert 'name="password1"' not in elsewhere.content.decode()
    assert 'name="password1"' in at_home.content.decode()
    with entered(globex.schema_name):
        assert User.objects.get(pk=there.pk).password == there.password


def test_nobody_is_found_who_is_in_another_organisation(
    acme: Organisation, globex: Organisation, make_person: MakePerson, on_host: Any
) -> None:
    make_person(acme)
    on_host(globex).post("/accounts/password/reset/", {"email": "ada@example.org"})
    assert mail.outbox == []


@pytest.mark.parametrize("path", ["/api/v1/collections/{}/", "/api/v1/documents/?collection={}"])
def test_an_id_of_another_organisation_is_not_there(
    acme: Organisation, globex: Organisation, make_person: MakePerson, make_collection: Any, on_host: Any, path: str
) -> None:
    make_person(acme)
    make_person(globex)
    collection = make_collection(acme)
    here, there = signed_in(on_host, acme), signed_in(on_host, globex)
    assert here.get(path.format(collection.pk)).status_code == 200
    refused = there.get(path.format(collection.pk))
    assert (refused.status_code, refused.json()["code"]) == (404, "collection_not_found")


def test_a_person_of_another_organisation_is_not_in_the_admin_site(
    acme: Organisation, globex: Organisation, make_person: MakePerson, on_host: Any
) -> None:
    here = make_person(acme, "ada@example.org", Role.OWNER)
    make_person(globex, "ada@example.org", Role.OWNER)
    there = signed_in(on_host, globex)
    path = f"/admin/accounts/user/{here.pk}/change/"
    assert signed_in(on_host, acme).get(path).status_code == 200
    assert there.get(path).status_code == 302  # to the index: no such person
    assert there.post(path, {"email": "taken@example.org", "role": "member"}).status_code == 302
    with entered(acme.schema_name):
        assert User.objects.get(pk=here.pk).email == "ada@example.org"
