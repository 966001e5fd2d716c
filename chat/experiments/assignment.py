"""Which arm a conversation is in. Nothing is drawn: the same conversation always falls to the same arm."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from chat.experiments.models import Arm, Experiment
from chat.models import Conversation
from knowledge.types import AnswerSettings, ModelChoice

STEPS = 2**53


def settings_of(conversation: Conversation, policy: AnswerSettings, arms: Sequence[Arm]) -> AnswerSettings:
    """The policy, with what the conversation's arm changes of it. Conversations that began earlier keep the policy."""
    arm = arm_of(conversation, arms)
    return changed(policy, arm) if arm else policy


def running_arms() -> tuple[Arm, ...]:
    """Of the experiment that runs; they do not change while it does."""
    return tuple(Arm.objects.filter(experiment__state=Experiment.State.RUNNING).select_related("experiment"))


def arm_of(conversation: Conversation, arms: Sequence[Arm]) -> Arm | None:
    if not arms or conversation.created_at < (arms[0].experiment.started_at or conversation.created_at):
        return None
    return chosen(arms, arms[0].experiment_id, conversation.pk)


def chosen(arms: Sequence[Arm], experiment: UUID, conversation: UUID) -> Arm | None:
    """By weight: a point between 0 and the sum of all weights, which depends on the two ids only."""
    ordered = sorted((arm for arm in arms if arm.weight), key=lambda arm: arm.pk.bytes)
    point = place(experiment, conversation) * sum(arm.weight for arm in ordered)
    for arm in ordered:
        point -= arm.weight
        if point < 0:
            return arm
    return None


def place(experiment: UUID, conversation: UUID) -> float:
    """A number from 0 to below 1."""
    digest = hashlib.sha256(experiment.bytes + conversation.bytes).digest()
    return int.from_bytes(digest[:8]) % STEPS / STEPS


def changed(policy: AnswerSettings, arm: Arm) -> AnswerSettings:
    choice = ModelChoice(arm.provider or policy.primary.provider, arm.model) if arm.provider or arm.model else None
    return replace(
        policy,
        primary=choice or policy.primary,
        prompt_version=arm.prompt_version or policy.prompt_version,
        is_reranked=policy.is_reranked if arm.is_reranked is None else arm.is_reranked,
        is_multi_query=policy.is_multi_query if arm.is_multi_query is None else arm.is_multi_query,
        passages=arm.passages or policy.passages,
        arm_id=arm.pk,
    )
