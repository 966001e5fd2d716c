"""Which chat models work for an organisation, in the order in which they are asked, and with whose keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from knowledge.models import ProviderKey
from knowledge.own_keys import load_keys, own_keys
from knowledge.providers.base import ChatModel
from knowledge.providers.breaker import PLATFORM, Circuit
from knowledge.providers.defaults import (
    QUOTING,
    can_call,
    chat_providers,
    first_choice,
    label_of,
    other_choice,
    own_model,
)
from knowledge.providers.registry import Access, chat_model_of, own_chat_model
from knowledge.types import AnswerSettings, ModelChoice
from tenants.types import TenantKey


@dataclass(frozen=True, slots=True)
class Chosen:
    """A model with its circuit breaker: the platform's, or that of the organisation's own key."""

    model: ChatModel
    circuit: Circuit
    label: str

    @property
    def only_quotes(self) -> bool:
        return self.circuit.provider == QUOTING


async def chosen_models(tenant: TenantKey, answer_settings: AnswerSettings) -> list[Chosen]:
    """The primary, its backup, and behind them the answerer that quotes, which needs nobody."""
    keys = await own_keys(tenant)
    primary = primary_of(answer_settings, keys)
    backup = answer_settings.backup
    if backup is None or not can_call(backup.provider, keys):
        backup = other_choice(primary.provider, keys)
    choices = [primary, *([backup] if backup and backup != primary else [])]
    if primary.provider in chat_providers():
        choices.append(ModelChoice(QUOTING))
    return [chosen(tenant, choice, keys) for choice in choices]


async def cheaper_settings(tenant: TenantKey, answer_settings: AnswerSettings) -> AnswerSettings | None:
    """The same with the small model of the primary's provider, and nobody behind it but the answerer that quotes. None
    where there is none, or where it is the one that answers anyway."""
    small = await small_model(tenant, answer_settings)
    usual = (await chosen_models(tenant, answer_settings))[0].model
    if small is None or (small.model.provider, small.model.name) == (usual.provider, usual.name):
        return None
    choice = ModelChoice(small.model.provider, small.model.name)
    return replace(answer_settings, primary=choice, backup=choice)


async def small_model(tenant: TenantKey, answer_settings: AnswerSettings) -> Chosen | None:
    """A cheaper model of the primary's provider, for what is not an answer; None where that only quotes."""
    keys = await own_keys(tenant)
    provider = primary_of(answer_settings, keys).provider
    known = chat_providers().get(provider)
    if known is None:
        if provider != "scripted":
            return None
        return replace(chosen(tenant, ModelChoice(provider), keys), model=chat_model_of(provider, ""))  # a test's
    access = keys.get(provider)
    small = own_model(provider, has_address=bool(access.base_url), is_small=True) if access else known.small_model
    return chosen(tenant, ModelChoice(provider, small), keys)


def document_choice() -> ModelChoice:
    """What writes about documents while they are taken in, in the organisation whose schema is entered."""
    choice = first_choice(list(ProviderKey.objects.values_list("provider", flat=True)))
    known = chat_providers().get(choice.provider)
    return ModelChoice(choice.provider, known.model) if known else choice


def document_model(tenant: TenantKey) -> ChatModel:
    """Its model, with the organisation's own key where it has one."""
    return chosen(tenant, document_choice(), load_keys(tenant.schema_name)).model


def primary_of(answer_settings: AnswerSettings, keys: Mapping[str, Access]) -> ModelChoice:
    """The one that was chosen, as long as it can be called: its key may be gone since."""
    wanted = answer_settings.primary
    return wanted if wanted.provider and can_call(wanted.provider, keys) else first_choice(keys)


def chosen(tenant: TenantKey, choice: ModelChoice, keys: Mapping[str, Access]) -> Chosen:
    access = keys.get(choice.provider)
    if access is None:
        named = [choice.model] if choice.model else []  # the usual model is made once, however it is asked for
        model, owner = chat_model_of(choice.provider, *named), PLATFORM
    else:
        model, owner = own_chat_model(choice.provider, choice.model, access), tenant.schema_name
    return Chosen(model, Circuit(owner, choice.provider), label_of(choice.provider))
