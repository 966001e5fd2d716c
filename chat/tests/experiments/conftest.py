from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from accounts.models import User
from chat.experiments.models import Arm, Experiment
from chat.models import Conversation, Feedback, Message
from tenants.context import entered
from tenants.models import Organisation


@pytest.fixture
def experiment(acme: Organisation) -> Experiment:
    """A draft in acme: the present prompt against another one with more passages, three to one."""
    with entered(acme.schema_name):
        made = Experiment.objects.create(name="Shorter answers")
        Arm.objects.create(experiment=made, name="A", weight=3)
        Arm.objects.create(experiment=made, name="B", weight=1, prompt_version="2", passages=8, is_reranked=False)
        return made


@pytest.fixture
def answered() -> Callable[..., Message]:
    """An answer that has ended, in a conversation of its own or the given one; inside the entered schema."""

    def make(
        member: User, arm: Arm, *, rating: int = 0, conversation: Conversation | None = None, **facts: Any
    ) -> Message:
        conversation = conversation or Conversation.objects.create(member=member, title="How many days?")
        fields = {"status": "complete", "cost_gbp": Decimal("0.002"), "first_text_ms": 400, **facts}
        message = Message.objects.create(conversation=conversation, role="assistant", arm_id=arm.pk, **fields)
        if rating:
            Feedback.objects.create(message=message, rating=rating)
        return message

    return make
