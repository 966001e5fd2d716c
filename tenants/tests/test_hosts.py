"""The host decides the organisation: which page, which answer, before anything else looks at the request."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from django.test import Client

from tenants.actions import organisation_open, organisation_suspend
from tenants.models import Domain, Organisation
from tenants.selectors import base_url, forget_hosts, host_name, is_public_host, organisation_for_host, organisation_url

State = Organisation.State


def get(host: str, path: str, **headers: str):  # type: ignore[no-untyped-def]
    return Client(headers={"host": host, **headers}).get(path)


def in_state(organisation: Organisation, state: str) -> None:
    Organisation.objects.filter(pk=organisation.pk).update(state=state)


# -- names ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    [
        "acme.localhost",
        "acme.localhost:8000",
        "ACME.localhost:8000",
        "acme.localhost.",
        "acme.localhost.:8000",
        "www.acme.localhost",
        "WWW.Acme.LocalHost.:1",
    ],
)
def test_one_organisation_by_every_way_to_write_its_host(acme: Organisation, host: str) -> None:
    assert host_name(host) == "acme.localhost"
    assert organisation_for_host(host) == acme
    assert get(host, "/accounts/login/").status_code == 200


@pytest.mark.parametrize("host", ["localhost", "localhost:8000", "LOCALHOST", "www.localhost:8000", "localhost.:8000"])
def test_the_public_site_by_every_way_to_write_its_host(db: None, host: str) -> None:
    assert is_public_host(host)
    assert get(host, "/signup/").status_code == 200
    assert get(host, "/api/v1/me/").status_code == 404


@pytest.mark.parametrize(
    "host", ["acme.localhost.evil.example", "xacme.localhost", "acme", "a.acme.localhost", "[::1]"]
)
def test_a_host_that_only_resembles_one_is_unknown(acme: Organisation, host: str) -> None:
    assert organisation_for_host(host) is None
    assert not is_public_host(host)


def test_an_organisations_own_domain(acme: Organisation) -> None:
    Domain.objects.create(domain="ask.acme.example", tenant=acme, is_primary=True)
    assert get("ask.acme.example", "/accounts/login/").status_code == 200
    assert organisation_url(acme) == "http://ask.acme.example:8000"


@pytest.mark.parametrize(
    ("scheme", "port", "url"),
    [
        ("https", "", "https://vena.example"),
        ("https", "443", "https://vena.example"),
        ("http", "80", "http://vena.example"),
        ("http", "8000", "http://vena.example:8000"),
    ],
)
def test_addresses_that_people_type(settings, scheme: str, port: str, url: str) -> None:  # type: ignore[no-untyped-def]
    settings.VENA_SCHEME, settings.VENA_PUBLIC_PORT = scheme, port
    assert base_url("vena.example") == url


# -- unknown hosts --------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["nobody.localhost:8000", "evil.example", "bad_host!"])
def test_an_unknown_host_gets_a_page_that_says_so(db: None, host: str) -> None:
    response = get(host, "/documents/")
    assert response.status_code == 404
    assert "There is no organisation at this address" in response.content.decode()


@pytest.mark.parametrize("path", ["/api/v1/me/", "/v1/models"])
@pytest.mark.parametrize("host", ["nobody.localhost:8000", "bad_host!"])
def test_an_unknown_host_answers_programs_in_json(db: None, host: str, path: str) -> None:
    response = get(host, path)
    assert response.status_code == 404
    assert response.json() == {
        "code": "organisation_not_found",
        "detail": "There is no organisation at this address.",
    }


def test_an_unknown_host_is_the_same_for_every_path(db: None) -> None:
    pages = {get("nobody.localhost", path).content for path in ("/", "/signup/", "/admin/", "/no/such/page/")}
    assert len(pages) == 1


@pytest.mark.parametrize(
    "host", ["localhost:8000", "acme.localhost:8000", "nobody.localhost", "10.1.2.3:80", "bad_host!"]
)
def test_probes_are_answered_on_every_host(acme: Organisation, host: str) -> None:
    live, ready = get(host, "/health/live"), get(host, "/health/ready")
    assert (live.status_code, live.json()) == (200, {"status": "ok"})
    assert (ready.status_code, ready.json()) == (
        200,
        {"status": "ok", "checks": {"database": "ok", "redis": "ok", "index": "ok"}},
    )


# -- suspended and half-made ones -----------------------------------------------------------------


def test_a_suspended_organisation_says_so(acme: Organisation) -> None:
    organisation_suspend(acme, reason="the invoice of May is open")
    page, answer = get("acme.localhost", "/"), get("acme.localhost", "/api/v1/me/")
    assert page.status_code == answer.status_code == 403
    assert "Acme is suspended" in page.content.decode()
    assert "the invoice of May" not in page.content.decode()  # why is between us and the owner
    assert answer.json()["code"] == "organisation_suspended"


@pytest.mark.parametrize(("path", "status"), [("/accounts/login/", 200), ("/billing/", 302), ("/static/none.css", 404)])
def test_a_suspended_organisation_can_still_sign_in_and_pay(acme: Organisation, path: str, status: int) -> None:
    in_state(acme, State.SUSPENDED)
    assert get("acme.localhost", path).status_code == status


@pytest.mark.parametrize(
    "path", ["/", "/admin/", "/documents/", "/welcome/", "/x/accounts/", "/accountsx/", "//accounts/"]
)
def test_a_suspended_organisation_opens_nothing_else(acme: Organisation, path: str) -> None:
    in_state(acme, State.SUSPENDED)
    assert get("acme.localhost", path).status_code == 403


def test_a_suspended_organisation_does_not_touch_another(acme: Organisation, globex: Organisation) -> None:
    in_state(acme, State.SUSPENDED)
    assert get("globex.localhost", "/accounts/login/").status_code == 200


@pytest.mark.parametrize("state", [State.PROVISIONING, State.FAILED])
@pytest.mark.parametrize("path", ["/", "/accounts/login/", "/welcome/", "/admin/"])
def test_nothing_half_made_is_reachable(acme: Organisation, state: str, path: str) -> None:
    in_state(acme, state)
    response = get("acme.localhost", path)
    assert response.status_code == 503
    assert response["Retry-After"] == "2"
    assert "Acme is being prepared" in response.content.decode()


def test_programs_are_told_to_come_back(acme: Organisation) -> None:
    in_state(acme, State.PROVISIONING)
    response = get("acme.localhost", "/api/v1/me/")
    assert (response.status_code, response["Retry-After"]) == (503, "2")
    assert response.json()["code"] == "organisation_not_ready"


# -- remembered for a second ----------------------------------------------------------------------


@pytest.fixture
def remembering(settings) -> Iterator[None]:  # type: ignore[no-untyped-def]
    settings.VENA_HOST_SECONDS = 60.0
    yield
    forget_hosts()


def test_a_host_is_looked_up_once(acme, globex, remembering, django_assert_num_queries) -> None:  # type: ignore[no-untyped-def]
    found = organisation_for_host("acme.localhost")
    with django_assert_num_queries(0):
        again = organisation_for_host("www.ACME.localhost:8000")
    assert found == again == acme
    assert found is not again  # what one request does to its copy, no other sees
    assert organisation_for_host("globex.localhost") == globex


def test_what_this_process_changes_counts_at_once(acme: Organisation, remembering: None) -> None:
    assert get("acme.localhost", "/accounts/login/").status_code == 200
    organisation_suspend(acme, reason="unpaid")
    assert get("acme.localhost", "/").status_code == 403
    organisation_open(acme)
    Domain.objects.create(domain="ask.acme.example", tenant=acme)
    assert organisation_for_host("ask.acme.example") == acme
    Domain.objects.get(domain="ask.acme.example").delete()
    assert organisation_for_host("ask.acme.example") is None


def test_what_another_process_changes_counts_within_its_time(  # type: ignore[no-untyped-def]
    acme: Organisation, remembering: None, settings
) -> None:
    settings.VENA_HOST_SECONDS = 0.3
    assert organisation_for_host("acme.localhost") == acme
    in_state(acme, State.SUSPENDED)  # past the signals, as another process would
    time.sleep(0.31)
    assert get("acme.localhost", "/").status_code == 403


def test_hosts_that_nobody_has_are_not_remembered(acme: Organisation, remembering: None) -> None:
    assert organisation_for_host("soon.localhost") is None
    Domain.objects.bulk_create([Domain(domain="soon.localhost", tenant=acme)])
    assert organisation_for_host("soon.localhost") == acme
