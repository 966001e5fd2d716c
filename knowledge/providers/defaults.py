"""The chat providers there are, with their usual models: the one place where models are chosen, from settings."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from django.conf import settings

from knowledge.types import ModelChoice

QUOTING = "extractive"  # answers without a provider: it quotes


@dataclass(frozen=True, slots=True)
class ChatProvider:
    name: str
    label: str
    model: str
    small_model: str  # for rewriting and titles
    models: tuple[str, ...]  # that an admin is offered, best first; any other name is taken as well
    is_ready: bool  # the platform itself has a key or an address for it


def chat_providers() -> dict[str, ChatProvider]:
    """By name, in the order in which they are asked when nobody chose."""
    rows = (
        ChatProvider(
            "openai",
            "OpenAI",
            settings.OPENAI_MODEL,
            settings.OPENAI_SMALL_MODEL,
            ("gpt-4o", "gpt-4o-mini"),
            bool(settings.OPENAI_API_KEY or settings.OPENAI_BASE_URL),
        ),
        ChatProvider(
            "anthropic",
            "Anthropic",
            settings.ANTHROPIC_MODEL,
            settings.ANTHROPIC_SMALL_MODEL,
            ("claude-sonnet-5-5", "claude-sonnet-4-6", "claude-haiku-4-5"),
            bool(settings.ANTHROPIC_API_KEY),
        ),
    )
    return {row.name: row for row in rows}


def own_model(provider: str, *, has_address: bool, is_small: bool = False) -> str:
    """The usual model for an organisation's own key. Where the platform calls a server of its own, that one's names
    mean nothing to the vendor."""
    known = chat_providers()[provider]
    platform_url = {"openai": settings.OPENAI_BASE_URL, "anthropic": settings.ANTHROPIC_BASE_URL}[provider]
    if platform_url and not has_address:
        return known.models[-1] if is_small else known.models[0]
    return known.small_model if is_small else known.model


def can_call(provider: str, own: Collection[str] = ()) -> bool:
    """Somebody has set it up: the platform, or the organisation with a key of its `own`."""
    known = chat_providers().get(provider)
    return known is None or known.is_ready or provider in own


def label_of(provider: str) -> str:
    if provider == QUOTING:
        return "Quoting"
    known = chat_providers().get(provider)
    return known.label if known else provider.title()


def first_choice(own: Collection[str] = ()) -> ModelChoice:
    """The one that is set, or else the first that the platform, or the organisation with a key of its `own`, can call;
    with none, the answerer that quotes."""
    if settings.VENA_CHAT_PROVIDER:
        return ModelChoice(str(settings.VENA_CHAT_PROVIDER))
    ready = [name for name in chat_providers() if can_call(name, own)]
    return ModelChoice(ready[0] if ready else QUOTING)


def other_choice(provider: str, own: Collection[str] = ()) -> ModelChoice | None:
    """A backup that nobody had to choose: another provider that can be called."""
    if provider not in chat_providers():
        return None
    others = (name for name in chat_providers() if name != provider and can_call(name, own))
    return next((ModelChoice(name) for name in others), None)
