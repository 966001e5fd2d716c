"""The answers page and its REST: who may, what is saved, and that a key once entered is never shown again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from accounts.permissions import Role
from bench.stub_provider import StubProvider
from knowledge.models import AnswerPolicy, ProviderKey
from knowledge.providers.breaker import PLATFORM, Circuit, failed
from knowledge.providers.loops import run_in_loop
from knowledge.providers.registry import VENDOR_URLS
from tenants.context import entered
from tenants.models import Organisation

SECRET = "sk-of-acme-0123456789"
OWN = "/api/v1/provider-keys/openai/"


@pytest.fixture
def stub(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[StubProvider]:
    with StubProvider(keys=f"platform {SECRET}") as provider:
        settings.OPENAI_API_KEY, settings.OPENAI_BASE_URL = "platform", provider.openai_url
        monkeypatch.setitem(VENDOR_URLS, "openai", provider.openai_url)
        yield provider


@pytest.fixture
def admin(live_acme: Organisation, make_person: Any, on_host: Any, stub: StubProvider) -> Any:
    return signed_in(live_acme, Role.ADMIN, make_person, on_host)


def signed_in(organisation: Organisation, role: Role, make_person: Any, on_host: Any) -> Any:
    make_person(organisation, f"{role}@{organisation.slug}.example", role)
    browser = on_host(organisation)
    browser.sign_in(f"{role}@{organisation.slug}.example")
    return browser


def policy(organisation: Organisation) -> AnswerPolicy:
    with entered(organisation.schema_name):
        return AnswerPolicy.objects.get()


@pytest.mark.parametrize("role", [Role.MEMBER, Role.FINANCE])
def test_others_may_not(live_acme: Organisation, make_person: Any, on_host: Any, role: Role) -> None:
    browser = signed_in(live_acme, role, make_person, on_host)
    assert browser.get("/knowledge/answers/").status_code == 403
    assert browser.post("/knowledge/answers/", {"instructions": "x"}).status_code == 403
    assert browser.post("/knowledge/answers/keys/openai/", {"secret": SECRET}).status_code == 403
    for path in ("/api/v1/answer-policy/", OWN):
        assert browser.get(path).status_code == 403
    assert browser.patch("/api/v1/answer-policy/", {}, "application/json").status_code == 403
    assert browser.put(OWN, {"secret": SECRET}, "application/json").status_code == 403
    assert browser.delete(OWN).status_code == 403
    assert "/knowledge/answers/" not in browser.get("/documents/").content.decode()


def test_the_page_saves_what_was_chosen(live_acme: Organisation, live_globex: Organisation, admin: Any) -> None:
    assert 'href="/knowledge/answers/"' in admin.get("/documents/").content.decode()
    form = {
        "primary_provider": "openai",
        "primary_model": "gpt-4o-mini",
        "instructions": "Write plainly.",
        "is_multi_query": "on",
    }
    page = admin.post("/knowledge/answers/", form, follow=True)
    assert "Saved." in page.content.decode()
    row = policy(live_acme)
    assert (row.primary_provider, row.primary_model, row.instructions) == ("openai", "gpt-4o-mini", "Write plainly.")
    assert (row.is_multi_query, row.is_cached, row.is_semantically_cached) == (True, False, False)
    with entered(live_globex.schema_name):
        assert not AnswerPolicy.objects.exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [("instructions", "x" * 4001), ("primary_provider", "anthropic"), ("primary_model", "a b")],
    ids=["too-long", "not-set-up", "no-name"],
)
def test_what_can_not_be_is_told_beside_the_field(live_acme: Organisation, admin: Any, field: str, value: str) -> None:
    page = admin.post("/knowledge/answers/", {field: value})
    assert page.status_code == 200
    assert page.context["form"].errors[field]
    with entered(live_acme.schema_name):
        assert not AnswerPolicy.objects.exists()


def test_a_key_is_entered_tested_and_removed_on_the_page(
    live_acme: Organisation, admin: Any, stub: StubProvider
) -> None:
    where = "/knowledge/answers/keys/openai/"
    refused = admin.post(where, {"act": "set", "secret": "sk-of-nobody-0123456789"}, follow=True).content.decode()
    assert "does not accept this key" in refused
    assert "sk-of-nobody" not in refused
    page = admin.post(where, {"act": "set", "secret": SECRET}, follow=True).content.decode()
    assert "works and is stored" in page
    assert f"ends in {SECRET[-4:]}" in page
    assert SECRET not in page
    stub.control(keys="platform")
    page = admin.post(where, {"act": "test"}, follow=True).content.decode()
    assert "Does not work" in page
    page = admin.post(where, {"act": "remove"}, follow=True).content.decode()
    assert "is removed" in page
    with entered(live_acme.schema_name):
        assert not ProviderKey.objects.exists()


def test_the_page_tells_that_a_provider_rests(admin: Any) -> None:
    assert "Working" in admin.get("/knowledge/answers/").content.decode()
    run_in_loop(failed(Circuit(PLATFORM, "openai"), rest=90.0))
    assert "Resting until" in admin.get("/knowledge/answers/").content.decode()
    [openai, anthropic] = admin.get("/api/v1/answer-policy/").json()["providers"]
    assert (openai["state"], openai["can_be_called"], openai["until"] is not None) == ("resting", True, True)
    assert (anthropic["state"], anthropic["can_be_called"], anthropic["until"]) == ("working", False, None)


def test_the_policy_over_rest(live_acme: Organisation, admin: Any) -> None:
    before = admin.get("/api/v1/answer-policy/").json()
    assert (before["primary_provider"], before["is_cached"]) == ("", True)
    changed = admin.patch("/api/v1/answer-policy/", {"instructions": "Be brief."}, "application/json").json()
    assert (changed["instructions"], changed["is_cached"]) == ("Be brief.", True)
    wrong = admin.patch("/api/v1/answer-policy/", {"primary_provider": "anthropic"}, "application/json")
    assert (wrong.status_code, wrong.json()["code"]) == (422, "choice_not_possible")
    assert policy(live_acme).instructions == "Be brief."


def test_keys_over_rest(live_acme: Organisation, admin: Any, live_globex: Organisation) -> None:
    assert (admin.get(OWN).status_code, admin.get(OWN).json()["code"]) == (404, "key_not_found")
    refused = admin.put(OWN, {"secret": "sk-of-nobody-0123456789"}, "application/json")
    assert (refused.status_code, refused.json()["code"]) == (422, "key_refused")
    bad = admin.put(OWN, {"secret": "has spaces in it"}, "application/json")
    assert bad.status_code == 400
    assert "has spaces" not in bad.content.decode()
    stored = admin.put(OWN, {"secret": SECRET}, "application/json")
    assert (stored.status_code, stored.json()["hint"], stored.json()["tested_ok"]) == (200, SECRET[-4:], True)
    assert SECRET not in stored.content.decode() + admin.get(OWN).content.decode()
    assert admin.post(f"{OWN}test/").json()["tested_ok"] is True
    with entered(live_globex.schema_name):
        assert not ProviderKey.objects.exists()
    assert admin.delete(OWN).status_code == 204
    assert admin.put("/api/v1/provider-keys/gemini/", {"secret": SECRET}, "application/json").status_code == 404
