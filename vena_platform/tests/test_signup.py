"""From the form on the public site to the owner on their own host."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from accounts.permissions import Role
from billing.models import Subscription
from knowledge.errors import IndexUnavailable
from knowledge.models import Collection
from tenants.actions import organisation_suspend
from tenants.context import entered
from tenants.models import Organisation, Provisioning
from tenants.schemas import existing_schemas
from tenants.tests.handshakes import handshake
from vena_platform import provisioning, signup
from vena_platform.provisioning import Step
from vena_platform.tasks import provision_organisation

PASSWORD = "a password of my own"
KEYS = ["schema", "index", "owner", "open"]


def form(slug: str = "new-one", **more: str) -> dict[str, str]:
    usual = {"organisation_name": "New One", "slug": slug, "owner_name": "Ann", "email": "Ann@New.example"}
    return {**usual, "password": PASSWORD, **more}


def sign_up(host: Client, slug: str = "new-one") -> str:
    """The address of the page that follows the making."""
    response = host.post("/signup/", form(slug))
    assert response.status_code == 302, response.content.decode()
    return str(response["Location"])


def status(host: Client, page: str) -> dict[str, Any]:
    response = host.get(page + "status/")
    assert response.status_code == 200
    answer: dict[str, Any] = response.json()
    return answer


def states(answer: dict[str, Any]) -> list[str]:
    assert [step["key"] for step in answer["steps"]] == KEYS
    return [step["state"] for step in answer["steps"]]


def follow(url: str) -> tuple[Client, Any]:
    """A browser that was never here opens a link."""
    parts = urlsplit(url)
    browser = Client(headers={"host": parts.netloc})
    return browser, browser.get(f"{parts.path}?{parts.query}")


# -- all goes well --------------------------------------------------------------------------------


@pytest.mark.usefixtures("newcomers")
def test_from_the_form_to_the_owner_signed_in(on_host: Any) -> None:
    # given
    public = on_host(None)
    assert public.get("/signup/").status_code == 200
    # when
    page = sign_up(public)
    assert "New One" in public.get(page).content.decode()
    answer = status(public, page)
    # then it is made
    assert (answer["state"], states(answer), answer["retry_url"]) == ("done", ["done"] * 4, None)
    assert answer["enter_url"].startswith("http://new-one.localhost:8000/welcome/?token=")
    # and the owner goes in
    browser, response = follow(answer["enter_url"])
    assert (response.status_code, response["Location"]) == (302, "/")
    assert browser.get("/").status_code == 200
    me = browser.get("/api/v1/me/").json()
    assert (me["email"], me["name"], me["role"]) == ("ann@new.example", "Ann", "owner")
    assert me["organisation"] == {"name": "New One", "slug": "new-one"}
    # and comes back by password
    later = Client(headers={"host": "new-one.localhost:8000"})
    later.post("/accounts/login/", {"login": "ann@new.example", "password": PASSWORD})
    assert later.get("/api/v1/me/").status_code == 200


@pytest.mark.usefixtures("newcomers")
def test_what_a_new_organisation_has(on_host: Any) -> None:
    sign_up(on_host(None))
    organisation = Organisation.objects.get(slug="new-one")
    assert organisation.is_open
    assert organisation.embedding_provider == "local"
    assert organisation.embedding_version
    assert organisation.vector_placement == "dedicated"
    assert Subscription.objects.get(organisation=organisation).plan.slug == "team"
    with entered(organisation.schema_name):
        assert [(user.email, user.role) for user in User.objects.all()] == [("ann@new.example", Role.OWNER)]
        assert [row.name for row in Collection.objects.all()] == ["Documents"]
    assert not User.objects.filter(email="ann@new.example").exists()  # nobody of the platform
    row = organisation.provisioning
    assert (row.owner_password, row.step_running, row.failure_code, row.steps_done) == ("", "", "", KEYS)


@pytest.mark.usefixtures("newcomers")
def test_making_it_again_changes_nothing(on_host: Any) -> None:
    sign_up(on_host(None))
    row = Provisioning.objects.get()
    provision_organisation.delay(provisioning_id=str(row.pk))
    Provisioning.objects.update(finished_at=None, steps_done=[])
    provision_organisation.delay(provisioning_id=str(row.pk))
    row.refresh_from_db()
    assert row.steps_done == KEYS
    with entered("org_new_one"):
        assert (User.objects.count(), Collection.objects.count()) == (1, 1)


# -- the one-time entry ---------------------------------------------------------------------------


@pytest.mark.usefixtures("newcomers")
def test_the_link_opens_once_and_is_not_offered_again(on_host: Any) -> None:
    # given
    public = on_host(None)
    page = sign_up(public)
    url = status(public, page)["enter_url"]
    follow(url)
    # when
    browser, response = follow(url)
    # then
    assert (response.status_code, response["Location"]) == (302, "/accounts/login/")
    assert browser.get("/api/v1/me/").status_code == 401
    assert status(public, page)["enter_url"] == "http://new-one.localhost:8000/"


@pytest.mark.usefixtures("newcomers")
def test_the_link_is_offered_for_a_short_time_only(on_host: Any) -> None:
    public = on_host(None)
    page = sign_up(public)
    Provisioning.objects.update(finished_at=timezone.now() - timedelta(minutes=16))
    assert status(public, page)["enter_url"] == "http://new-one.localhost:8000/"


@pytest.mark.usefixtures("newcomers")
def test_the_link_opens_its_own_organisation_only(live_acme: Organisation, on_host: Any, make_person: Any) -> None:
    make_person(live_acme, "ann@new.example", Role.OWNER)
    public = on_host(None)
    url = status(public, sign_up(public))["enter_url"]
    browser, response = follow(url.replace("new-one", "acme"))
    assert response["Location"] == "/accounts/login/"
    assert browser.get("/api/v1/me/").status_code == 401
    browser, response = follow(url)  # and it was not used up by that
    assert browser.get("/api/v1/me/").status_code == 200


@pytest.mark.usefixtures("newcomers")
@pytest.mark.parametrize("change", [{"is_active": False}, {"email": "other@new.example"}])
def test_the_link_opens_nothing_for_a_person_who_is_gone(on_host: Any, change: dict[str, Any]) -> None:
    public = on_host(None)
    url = status(public, sign_up(public))["enter_url"]
    with entered("org_new_one"):
        User.objects.update(**change)
    browser, response = follow(url)
    assert response["Location"] == "/accounts/login/"
    assert browser.get("/api/v1/me/").status_code == 401


def test_no_link_no_entry(acme: Organisation, on_host: Any) -> None:
    for path in ("/welcome/", "/welcome/?token=", "/welcome/?token=nonsense"):
        response = on_host(acme).get(path)
        assert (response.status_code, response["Location"]) == (302, "/accounts/login/")
        assert "no-store" in response["Cache-Control"]


# -- only the browser that asked ------------------------------------------------------------------


@pytest.mark.usefixtures("newcomers")
def test_nobody_else_may_watch_or_enter(on_host: Any) -> None:
    page = sign_up(on_host(None))
    other = on_host(None)
    sign_up(other, "another")
    for stranger in (other, on_host(None)):
        assert stranger.get(page).status_code == 404
        assert stranger.get(page + "status/").status_code == 404
        assert stranger.post(page + "retry/").status_code == 404
    assert Provisioning.objects.get(organisation__slug="new-one").entry_token == ""


# -- a step fails ---------------------------------------------------------------------------------


@pytest.fixture
def break_step(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let a step fail, before its work or just after it; without arguments all work again."""
    sound = provisioning.STEPS

    def breaking(step: Step, error: Exception, when: str) -> Step:
        def run(row: Provisioning) -> None:
            if when == "after":
                step.run(row)
            raise error

        return replace(step, run=run)

    def make(key: str = "", error: Exception | None = None, when: str = "before") -> None:
        steps = tuple(breaking(step, error, when) if error and step.key == key else step for step in sound)
        monkeypatch.setattr(provisioning, "STEPS", steps)

    return make


@pytest.mark.usefixtures("newcomers")
@pytest.mark.parametrize(
    ("key", "when", "error", "code"),
    [
        ("schema", "before", OSError("disk full"), "provisioning_failed"),
        ("schema", "after", RuntimeError("killed"), "provisioning_failed"),
        ("index", "before", IndexUnavailable(), "index_unavailable"),
        ("index", "after", RuntimeError("killed"), "provisioning_failed"),
        ("owner", "before", ValueError("odd"), "provisioning_failed"),
        ("owner", "after", RuntimeError("killed"), "provisioning_failed"),
        ("open", "before", KeyError("odd"), "provisioning_failed"),
    ],
)
def test_a_failed_step_is_told_and_can_be_repeated(
    on_host: Any, break_step: Callable[..., None], key: str, when: str, error: Exception, code: str
) -> None:
    # given
    public = on_host(None)
    break_step(key, error, when)
    # when
    page = sign_up(public)
    # then the page says so
    answer = status(public, page)
    place = KEYS.index(key)
    assert (answer["state"], answer["enter_url"]) == ("failed", None)
    assert states(answer) == ["done"] * place + ["failed"] + ["waiting"] * (3 - place)
    assert answer["steps"][place]["detail"].startswith("This step did not work.")
    assert repr(error) not in str(answer)
    row = Provisioning.objects.get()
    assert (row.failure_code, row.failure_detail) == (code, f"{key}: {error!r}")
    # and nothing is reachable
    host = Client(headers={"host": "new-one.localhost:8000"})
    assert {host.get(path).status_code for path in ("/", "/accounts/login/", "/welcome/", "/api/v1/me/")} == {503}
    assert public.get("/find/", {"slug": "new-one"}).status_code == 200
    # when it is repeated
    break_step()
    assert answer["retry_url"] == page + "retry/"
    assert public.post(answer["retry_url"]).status_code == 202
    # then all is done, once
    answer = status(public, page)
    assert (answer["state"], states(answer)) == ("done", ["done"] * 4)
    browser, _ = follow(answer["enter_url"])
    assert browser.get("/api/v1/me/").json()["role"] == "owner"
    with entered("org_new_one"):
        assert (User.objects.count(), Collection.objects.count()) == (1, 1)


@pytest.mark.usefixtures("newcomers")
def test_it_may_fail_again(on_host: Any, break_step: Callable[..., None]) -> None:
    public = on_host(None)
    break_step("index", OSError("still"))
    page = sign_up(public)
    public.post(page + "retry/")
    answer = status(public, page)
    assert (answer["state"], states(answer)) == ("failed", ["done", "failed", "waiting", "waiting"])


@pytest.mark.usefixtures("newcomers")
def test_only_a_failed_one_is_started_again(on_host: Any, break_step: Callable[..., None]) -> None:
    # given one that is being made elsewhere right now
    public = on_host(None)
    break_step("schema", OSError("once"))
    page = sign_up(public)
    Provisioning.objects.update(failure_code="", failure_detail="", step_running="schema")
    break_step()
    # when
    assert public.post(page + "retry/").status_code == 202
    # then
    answer = status(public, page)
    assert (answer["state"], states(answer)) == ("running", ["running", "waiting", "waiting", "waiting"])
    assert "org_new_one" not in existing_schemas()


@pytest.mark.usefixtures("newcomers")
def test_trying_again_is_no_link(on_host: Any) -> None:
    public = on_host(None)
    assert public.get(sign_up(public) + "retry/").status_code == 405


async def test_no_socket_of_a_half_made_organisation(live_acme: Organisation) -> None:
    await Organisation.objects.filter(pk=live_acme.pk).aupdate(state="provisioning")
    assert (await handshake("acme.localhost:8000"))["type"] == "websocket.close"


# -- what the form refuses ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "field", "words"),
    [
        ({"slug": "acme"}, "slug", "already in use"),
        ({"slug": "admin"}, "slug", "already in use"),
        ({"slug": "template"}, "slug", "already in use"),
        ({"slug": "Acme Ltd"}, "slug", "small letters"),
        ({"slug": "-x"}, "slug", "small letters"),
        ({"slug": ""}, "slug", "required"),
        ({"organisation_name": " "}, "organisation_name", "required"),
        ({"owner_name": ""}, "owner_name", "required"),
        ({"email": "ann"}, "email", "valid email"),
        ({"password": "short"}, "password", "too short"),
        ({"password": "1234567890123"}, "password", "numeric"),
        ({"password": "password12345"}, "password", "too common"),
    ],
)
def test_the_form_says_what_is_wrong_and_makes_nothing(
    acme: Organisation, on_host: Any, wrong: dict[str, str], field: str, words: str
) -> None:
    response = on_host(None).post("/signup/", form(**wrong))
    assert response.status_code == 422
    assert words in " ".join(response.context["form"].errors[field])
    assert PASSWORD not in response.content.decode()
    assert not Provisioning.objects.exists()
    assert Organisation.objects.count() == 2


def test_an_address_that_was_taken_meanwhile(db: None, on_host: Any) -> None:
    first, second = on_host(None), on_host(None)
    sign_up(first)
    response = second.post("/signup/", form())
    assert response.status_code == 422
    assert Provisioning.objects.count() == 1


def test_one_network_makes_a_few_an_hour(db: None, on_host: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert signup.SIGNUPS_PER_HOUR == 10
    monkeypatch.setattr(signup, "SIGNUPS_PER_HOUR", 2)
    sign_up(on_host(None), "one")
    sign_up(on_host(None), "two")
    response = on_host(None).post("/signup/", form("three"))
    assert response.status_code == 422
    assert "Try again in an hour" in response.content.decode()
    assert set(Organisation.objects.values_list("slug", flat=True)) == {"acme", "globex", "one", "two"}
    elsewhere = on_host(None).post("/signup/", form("three"), REMOTE_ADDR="192.0.2.7")
    assert elsewhere.status_code == 302


# -- finding one's organisation -------------------------------------------------------------------


@pytest.mark.parametrize("typed", ["acme", " ACME "])
def test_finding_an_organisation(acme: Organisation, on_host: Any, typed: str) -> None:
    response = on_host(None).get("/find/", {"slug": typed})
    assert (response.status_code, response["Location"]) == (302, "http://acme.localhost:8000")


def test_not_finding_one(acme: Organisation, globex: Organisation, on_host: Any) -> None:
    organisation_suspend(globex, reason="unpaid")
    answers = {
        on_host(None).get("/find/", {"slug": slug}).content.decode().replace(slug, "…") for slug in ("globex", "nobody")
    }
    (page,) = answers  # a suspended one looks like none
    assert "There is no organisation at this address" in page
