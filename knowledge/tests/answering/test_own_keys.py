"""An organisation's own keys over the real SDKs: whose key is used, who sees it, where it may go, and what breaks."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from io import StringIO
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command

from knowledge.actions_answers import (
    answer_policy_change,
    provider_key_remove,
    provider_key_set,
    provider_key_test,
)
from knowledge.choosing import small_model
from knowledge.errors import (
    ChoiceNotPossible,
    KeyNotTested,
    KeyRefused,
    ProviderAddressNotAllowed,
    UnknownProvider,
)
from knowledge.models import ProviderKey
from knowledge.own_keys import load_keys
from knowledge.providers import breaker, registry
from knowledge.providers.breaker import PLATFORM, Circuit, State
from knowledge.providers.registry import VENDOR_URLS, Access, chat_model_of, own_chat_model
from knowledge.tests.answering.faults import REPLY, Stubs, answer, running_stubs, use
from knowledge.types import AnswerSettings
from tenants.context import entered, in_tenant
from tenants.models import Organisation
from vena_platform.secrets import SecretUnreadable, opened, sealed

SECRET = "sk-of-acme-0123456789"
OTHER = "sk-of-globex-9876543210"


@pytest.fixture(scope="module")
def stubs() -> Iterator[Stubs]:
    with running_stubs() as running:
        yield running


@pytest.fixture(autouse=True)
async def _stubbed(settings: Any, stubs: Stubs, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    use(stubs, settings)
    monkeypatch.setitem(VENDOR_URLS, "openai", stubs.openai.openai_url)  # the vendor's own address
    monkeypatch.setitem(VENDOR_URLS, "anthropic", stubs.anthropic.anthropic_url)
    yield
    models = [chat_model_of("openai"), chat_model_of("anthropic"), *(one for _, one in registry._own_models.values())]
    for model in models:
        await model.close()  # type: ignore[attr-defined]


def enter_key(organisation: Organisation, secret: str, provider: str = "openai", **more: Any) -> ProviderKey:
    with entered(organisation.schema_name):
        return provider_key_set(tenant=organisation.key, provider=provider, secret=secret, entered_by=None, **more)


async def enter(organisation: Organisation, secret: str, provider: str = "openai", **more: Any) -> ProviderKey:
    return await asyncio.to_thread(enter_key, organisation, secret, provider, **more)


async def test_each_organisation_is_answered_with_its_own_key(
    live_acme: Organisation, live_globex: Organisation, stubs: Stubs
) -> None:
    await enter(live_acme, SECRET)
    await enter(live_globex, OTHER)
    answers = await asyncio.gather(answer(live_acme), answer(live_globex), answer(live_acme))
    assert {seen.text for seen in answers} == {REPLY}
    assert sorted(call.key for call in stubs.calls("openai")) == [SECRET, SECRET, OTHER]
    assert stubs.calls("anthropic") == []


async def test_with_its_own_key_removed_the_platforms_is_used_at_once(live_acme: Organisation, stubs: Stubs) -> None:
    await enter(live_acme, SECRET)
    await answer(live_acme)
    await in_tenant(live_acme.schema_name, provider_key_remove, tenant=live_acme.key, provider="openai")
    await answer(live_acme)
    assert [call.key for call in stubs.calls("openai")] == [SECRET, "platform-openai"]


async def test_a_replaced_key_is_another_client(live_acme: Organisation, stubs: Stubs) -> None:
    await enter(live_acme, SECRET)
    await answer(live_acme)
    await enter(live_acme, OTHER)
    await answer(live_acme)
    assert [call.key for call in stubs.calls("openai")] == [SECRET, OTHER]


async def test_a_bad_own_key_rests_alone_and_the_other_provider_answers(
    live_acme: Organisation, live_globex: Organisation, stubs: Stubs
) -> None:
    await enter(live_acme, SECRET)
    stubs.openai.control(keys="platform-openai")  # the key is revoked later
    first, second, others = await answer(live_acme), await answer(live_acme), await answer(live_globex)
    assert [first.text, second.text, others.text] == [REPLY] * 3
    assert [first.codes, second.codes, others.codes] == [["failover"], ["failover"], []]
    assert [call.key for call in stubs.calls("openai")] == [SECRET, "platform-openai"]  # acme's second asked nobody
    states = await breaker.seen([Circuit("org_acme", "openai"), Circuit(PLATFORM, "openai")])
    assert [one.state for one in states] == [State.RESTING, State.WORKING]


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
def test_a_refused_key_is_not_stored(live_acme: Organisation, stubs: Stubs, provider: str) -> None:
    enter_key(live_acme, SECRET, provider)
    stubs[provider].control(keys=SECRET)
    with pytest.raises(KeyRefused) as caught:
        enter_key(live_acme, OTHER, provider)
    assert OTHER not in caught.value.text + caught.value.detail
    with entered(live_acme.schema_name):
        assert ProviderKey.objects.get().hint == SECRET[-4:]


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
def test_a_key_that_may_not_list_models_is_tried_with_a_word(
    live_acme: Organisation, stubs: Stubs, provider: str
) -> None:
    stubs[provider].control(status=403)
    with pytest.raises(KeyRefused):
        enter_key(live_acme, SECRET, provider)
    assert len(stubs.calls(provider)) == 1


def test_a_key_that_could_not_be_tried_is_not_stored(
    live_acme: Organisation, stubs: Stubs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("knowledge.actions_answers.TEST_SECONDS", 0.2)
    for fault in ({"status": 500}, {"silent": True}):
        stubs.openai.control(**{"status": 0, "silent": False, **fault})
        with pytest.raises(KeyNotTested):
            enter_key(live_acme, SECRET)
    with entered(live_acme.schema_name):
        assert not ProviderKey.objects.exists()
    with pytest.raises(UnknownProvider):
        enter_key(live_acme, SECRET, "gemini")


def test_trying_again_keeps_what_came_of_it(live_acme: Organisation, stubs: Stubs) -> None:
    enter_key(live_acme, SECRET)
    with entered(live_acme.schema_name):
        before = load_keys(live_acme.schema_name)["openai"]
        stubs.openai.control(keys="another")
        row = provider_key_test(tenant=live_acme.key, provider="openai")
        assert (row.tested_ok, "does not accept" in row.failure_message) == (False, True)
        stubs.openai.control(keys="")
        assert provider_key_test(tenant=live_acme.key, provider="openai").tested_ok
        assert load_keys(live_acme.schema_name)["openai"] == before  # the client may stay


# -- the secret ------------------------------------------------------------------------------------


def test_the_secret_is_nowhere_to_be_read(
    live_acme: Organisation, stubs: Stubs, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        row = enter_key(live_acme, SECRET)
        with entered(live_acme.schema_name):
            access = load_keys(live_acme.schema_name)["openai"]
    model = own_chat_model("openai", "", access)
    told = [repr(row), str(row), repr(access), repr(model), row.secret, row.hint, *map(str, ProviderKey.objects.none())]
    told += [f"{record.getMessage()} {vars(record)}" for record in caplog.records if record.name != "httpcore2"]
    assert not [text for text in told if SECRET in text]
    assert access.key == SECRET


def test_a_secret_opens_for_its_own_organisation_only(settings: Any) -> None:
    token = sealed("org_acme", SECRET)
    assert opened("org_acme", token) == SECRET
    with pytest.raises(SecretUnreadable):
        opened("org_globex", token)
    settings.VENA_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    with pytest.raises(SecretUnreadable):
        opened("org_acme", token)


def test_a_key_that_can_not_be_read_any_more_is_left_out(live_acme: Organisation, settings: Any) -> None:
    enter_key(live_acme, SECRET)
    settings.VENA_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    with entered(live_acme.schema_name):
        assert load_keys(live_acme.schema_name) == {}


def test_encryption_keys_can_be_rotated(live_acme: Organisation, live_globex: Organisation, settings: Any) -> None:
    enter_key(live_acme, SECRET)
    enter_key(live_globex, OTHER, "anthropic")
    old, new = settings.VENA_ENCRYPTION_KEYS[0], Fernet.generate_key().decode()
    settings.VENA_ENCRYPTION_KEYS = [new, old]
    out = StringIO()
    call_command("rotate_secrets", stdout=out)
    assert out.getvalue() == "2 secrets encrypted with the newest key.\n"
    settings.VENA_ENCRYPTION_KEYS = [new]  # the old one is taken away
    for organisation, secret, provider in ((live_acme, SECRET, "openai"), (live_globex, OTHER, "anthropic")):
        with entered(organisation.schema_name):
            assert load_keys(organisation.schema_name)[provider].key == secret
    settings.VENA_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    with pytest.raises(CommandError, match="acme: openai"):
        call_command("rotate_secrets", stdout=out)


# -- addresses -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/v1",
        "https://localhost/v1",
        "https://10.0.0.5/v1",
        "https://169.254.169.254/latest",
        "https://[::1]/v1",
        "https://[::ffff:10.0.0.5]/v1",
        "http://8.8.8.8/v1",
        "https://2130706433/v1",
        "ftp://8.8.8.8/",
        "https://user:word@8.8.8.8/",
    ],
)
def test_an_own_address_does_not_lead_into_our_network(live_acme: Organisation, settings: Any, url: str) -> None:
    settings.VENA_PROVIDER_NETWORKS = []
    with pytest.raises(ProviderAddressNotAllowed):
        enter_key(live_acme, SECRET, base_url=url)
    with entered(live_acme.schema_name):
        assert not ProviderKey.objects.exists()


async def test_an_own_address_is_used_where_it_is_allowed(live_acme: Organisation, stubs: Stubs, settings: Any) -> None:
    monkey = stubs.openai.openai_url
    await enter(live_acme, SECRET, base_url=monkey)
    assert (await answer(live_acme)).text == REPLY
    assert [call.key for call in stubs.calls("openai")] == [SECRET]


async def test_an_address_that_changed_its_mind_is_not_connected_to(
    live_acme: Organisation, stubs: Stubs, settings: Any
) -> None:
    """The name was fine when the key was entered; each connection is checked again."""
    await enter(live_acme, SECRET, base_url=stubs.openai.openai_url)
    settings.VENA_PROVIDER_NETWORKS = []
    seen = await answer(live_acme)
    assert stubs.calls("openai") == []
    assert seen.text == REPLY  # by the other provider
    assert [(row.provider, row.outcome) for row in seen.rows] == [("openai", "failed"), ("anthropic", "complete")]


# -- choosing --------------------------------------------------------------------------------------


def test_only_a_provider_that_can_be_called_can_be_chosen(live_acme: Organisation, settings: Any) -> None:
    settings.ANTHROPIC_API_KEY = ""
    with entered(live_acme.schema_name):
        with pytest.raises(ChoiceNotPossible):
            answer_policy_change(primary_provider="anthropic")
        with pytest.raises(ChoiceNotPossible):
            answer_policy_change(backup_provider="gemini")
    enter_key(live_acme, SECRET, "anthropic")
    with entered(live_acme.schema_name):
        assert answer_policy_change(primary_provider="anthropic").primary_provider == "anthropic"


def test_organisations_share_no_client(live_acme: Organisation, live_globex: Organisation) -> None:
    def made(organisation: Organisation, secret: str, version: str = "1") -> Any:
        return own_chat_model("openai", "", Access(organisation.schema_name, organisation.pk, version, secret))

    one, other = made(live_acme, SECRET), made(live_globex, SECRET)
    assert one is not other
    assert made(live_acme, SECRET) is one
    assert made(live_acme, SECRET, "2") is not one


async def test_the_platforms_own_servers_model_is_not_asked_of_the_vendor(
    live_acme: Organisation, stubs: Stubs, settings: Any
) -> None:
    settings.OPENAI_MODEL = settings.OPENAI_SMALL_MODEL = "llama-of-the-platform"
    await enter(live_acme, SECRET)
    await answer(live_acme)
    small = await small_model(live_acme.key, AnswerSettings())
    assert small is not None
    assert (stubs.calls("openai")[0].model, small.model.name) == ("gpt-4o", "gpt-4o-mini")
