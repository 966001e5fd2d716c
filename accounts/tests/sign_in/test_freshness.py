"""Dangerous acts on the app's own pages ask who it is, once a sign-in is some minutes old. Nothing happens before."""

from __future__ import annotations

import json
from typing import Any

import pytest

from accounts.models import ApiKey, User
from conftest import PASSWORD
from tenants.context import entered
from tenants.models import Organisation

PERSON = {"name": "Bea", "role": "viewer", "is_active": "on"}
PAGES = {
    "change a person": ("/people/{person}/", PERSON),
    "hand over": ("/people/{person}/leave/", {"act": "hand-over", "to": "{owner}"}),
    "delete a person": ("/people/{person}/leave/", {"act": "delete"}),
    "make a key": ("/me/keys/", {"name": "Mine", "scopes": ["read"], "days": "30"}),
    "make a service key": (
        "/me/keys/service/",
        {"service-name": "Crawler", "service-scopes": ["ingest"], "service-days": "30", "service-role": "editor"},
    ),
    "change what is kept": ("/privacy/settings/", {"admins_may_read": "on"}),
    "export one's own": ("/privacy/export/", {}),
    "export a person": ("/privacy/people/{person}/export/", {}),
    "erase a person": ("/privacy/people/{person}/erase/", {"confirm": "ada@example.org"}),
}
PROGRAMS = {
    "change a person": ("patch", "/api/v1/people/{person}/", {"role": "viewer"}),
    "hand over": ("post", "/api/v1/people/{person}/hand-over/", {"to": "{owner}"}),
}


@pytest.fixture
def ada(acme: Organisation, make_person: Any) -> User:
    person: User = make_person(acme)
    return person


def filled(value: Any, acme: Organisation, ada: User) -> Any:
    with entered(acme.schema_name):
        owner = User.objects.get(email="olive@example.org")
    text = json.dumps(value).replace("{person}", str(ada.pk)).replace("{owner}", str(owner.pk))
    return json.loads(text)


def state(acme: Organisation) -> Any:
    with entered(acme.schema_name):
        people = list(User.objects.order_by("pk").values_list("email", "name", "role", "is_active"))
        return people, list(ApiKey.objects.values_list("name"))


@pytest.mark.parametrize("what", PAGES)
def test_a_page_asks_first(acme: Organisation, owner: Any, ada: User, settings: Any, what: str) -> None:
    path, form = filled(PAGES[what], acme, ada)
    before = state(acme)
    settings.ACCOUNT_REAUTHENTICATION_TIMEOUT = 0
    response = owner.post(path, form)
    assert response.status_code == 302
    assert response["Location"].startswith("/accounts/reauthenticate/?next=")
    assert state(acme) == before


def test_the_act_goes_on_after_the_question(acme: Organisation, owner: Any, ada: User, settings: Any) -> None:
    path, form = filled(PAGES["change a person"], acme, ada)
    settings.ACCOUNT_REAUTHENTICATION_TIMEOUT = 0
    asked = owner.post(path, form)
    settings.ACCOUNT_REAUTHENTICATION_TIMEOUT = 600
    owner.post(asked["Location"], {"password": PASSWORD})
    with entered(acme.schema_name):
        assert User.objects.get(pk=ada.pk).role == "viewer"


@pytest.mark.parametrize("what", PROGRAMS)
def test_a_session_at_the_api_is_told(acme: Organisation, owner: Any, ada: User, settings: Any, what: str) -> None:
    method, path, body = filled(PROGRAMS[what], acme, ada)
    settings.ACCOUNT_REAUTHENTICATION_TIMEOUT = 0
    response = getattr(owner, method)(path, body, content_type="application/json")
    assert (response.status_code, response.json()["code"]) == (403, "sign_in_again")
    with entered(acme.schema_name):
        assert User.objects.get(pk=ada.pk).role == "member"


def test_a_key_is_not_asked(acme: Organisation, owner: Any, ada: User, make_key: Any, settings: Any) -> None:
    with entered(acme.schema_name):
        key = make_key(acme, User.objects.get(email="olive@example.org"))
    settings.ACCOUNT_REAUTHENTICATION_TIMEOUT = 0
    owner.logout()
    headers = {"authorization": f"Bearer {key}"}
    body = {"role": "viewer"}
    response = owner.patch(f"/api/v1/people/{ada.pk}/", body, content_type="application/json", headers=headers)
    assert response.status_code in {200, 403}
    assert response.json().get("code") != "sign_in_again"
