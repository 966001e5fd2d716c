"""Long conversations: what a prompt is told of them, and the summary of what it is not told any more."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.utils import timezone

from accounts.models import User
from billing.models import UsageEvent
from chat.models import Conversation, Message
from chat.selectors import Recalled, history_of
from chat.summaries import conversation_summarise
from chat.tasks import summarise_conversation
from chat.tests.conftest import Ready
from chat.tests.sockets import connected
from knowledge.errors import ProviderUnavailable
from knowledge.providers.registry import chat_model_of
from knowledge.providers.scripted import ScriptedChatModel
from tenants.context import entered, in_tenant
from tenants.models import Organisation

LONG = "word " * 100  # 125 tokens


@pytest.fixture
def helper(settings: Any) -> ScriptedChatModel:
    settings.VENA_CHAT_PROVIDER = "scripted"
    settings.VENA_HISTORY_TOKENS = 300
    model = chat_model_of("scripted", "")
    assert isinstance(model, ScriptedChatModel)
    model.enqueue("The person asked for numbers.")
    return model


@pytest.fixture
def ada(live_acme: Organisation, make_person: Any) -> User:
    person: User = make_person(live_acme)
    return person


def talk(member: User, *turns: str) -> tuple[Conversation, list[Message]]:
    conversation = Conversation.objects.create(member=member, title="t")
    rows: list[Message] = []
    for text in turns:
        rows += turn(conversation, text, rows[-1] if rows else None)
    return conversation, rows


def turn(conversation: Conversation, text: str, after: Message | None) -> list[Message]:
    at = timezone.now()
    question = Message.objects.create(conversation=conversation, role="user", text=f"Q {text}", after=after)
    answer = Message.objects.create(
        conversation=conversation, role="assistant", text=f"A {text} {LONG}", reply_to=question
    )
    Message.objects.filter(pk=answer.pk).update(created_at=at + timedelta(milliseconds=1))
    return [question, answer]


def recalled(conversation: Conversation, leaf: Message) -> Recalled:
    conversation.refresh_from_db()
    return history_of(conversation, leaf.pk)


def summarise(organisation: Organisation, leaf: Message) -> bool:
    return conversation_summarise(schema_name=organisation.schema_name, answer_id=leaf.pk)


def test_the_last_turns_fit_a_budget_of_tokens(live_acme: Organisation, ada: User, helper: ScriptedChatModel) -> None:
    with entered(live_acme.schema_name):
        conversation, rows = talk(ada, "1", "2", "3")
        told = recalled(conversation, rows[-1])
        assert [each.text[:3] for each in told.turns] == ["Q 2", "A 2", "Q 3", "A 3"]
        assert told.left_out == (rows[0].pk, rows[1].pk)
        assert told.summary == ""
        assert recalled(conversation, rows[1]).left_out == ()


def test_what_fell_out_is_summarised_metered_and_told(
    live_acme: Organisation, ada: User, helper: ScriptedChatModel
) -> None:
    with entered(live_acme.schema_name):
        conversation, rows = talk(ada, "1", "2", "3")
        summarise_conversation(schema_name=live_acme.schema_name, answer_id=str(rows[-1].pk))
        told = recalled(conversation, rows[-1])
        assert (told.summary, told.left_out) == ("The person asked for numbers.", ())
        assert conversation.summary_upto_id == rows[1].pk
        assert "user: Q 1\nassistant: A 1" in helper.prompts[0].turns[0].text
        assert "Q 2" not in helper.prompts[0].turns[0].text
    event = UsageEvent.objects.get()
    assert (event.kind, event.subject, event.organisation_id) == ("assist", rows[-1].pk, live_acme.pk)
    assert event.member_id == ada.pk


def test_the_next_summary_builds_on_the_last_and_repeating_it_costs_nothing(
    live_acme: Organisation, ada: User, helper: ScriptedChatModel
) -> None:
    helper.enqueue("Numbers, then more.")
    with entered(live_acme.schema_name):
        conversation, rows = talk(ada, "1", "2", "3")
        assert summarise(live_acme, rows[-1])
        assert not summarise(live_acme, rows[-1])
        rows += turn(conversation, "4", rows[-1])
        assert recalled(conversation, rows[-1]).left_out == (rows[2].pk, rows[3].pk)
        assert summarise(live_acme, rows[-1])
        text = helper.prompts[-1].turns[0].text
        assert text.startswith("<summary>\nThe person asked for numbers.\n</summary>")
        assert "Q 1" not in text
        assert recalled(conversation, rows[-1]).summary == "Numbers, then more."
    assert len(helper.prompts) == UsageEvent.objects.count() == 2


def test_another_branchs_summary_is_not_told(live_acme: Organisation, ada: User, helper: ScriptedChatModel) -> None:
    helper.enqueue("The other branch.")
    with entered(live_acme.schema_name):
        conversation, rows = talk(ada, "1", "2", "3", "4")
        assert summarise(live_acme, rows[-1])
        assert conversation.messages.get(pk=rows[3].pk).pk == Conversation.objects.get().summary_upto_id
        other = turn(conversation, "other", None)
        assert recalled(conversation, other[-1]).summary == ""
        other += turn(conversation, "other 2", other[-1]) + turn(conversation, "other 3", None)
        beside = turn(conversation, "beside", rows[1])
        beside += turn(conversation, "beside 2", beside[-1])
        told = recalled(conversation, beside[-1])
        assert (told.summary, told.left_out) == ("", (rows[0].pk, rows[1].pk))
        assert summarise(live_acme, beside[-1])
        assert "<summary>" not in helper.prompts[-1].turns[0].text
        assert recalled(conversation, beside[-1]).summary == "The other branch."
        assert recalled(conversation, rows[-1]).summary == "The other branch."  # of what both have in common
        assert recalled(conversation, rows[-1]).left_out == (rows[2].pk, rows[3].pk)


def test_a_model_that_fails_leaves_all_as_it_was(live_acme: Organisation, ada: User, helper: ScriptedChatModel) -> None:
    helper._queue.clear()
    helper.fail(ProviderUnavailable())
    with entered(live_acme.schema_name):
        conversation, rows = talk(ada, "1", "2", "3")
        assert not summarise(live_acme, rows[-1])
        assert recalled(conversation, rows[-1]).left_out != ()


def test_without_a_small_model_nothing_is_asked(live_acme: Organisation, ada: User, settings: Any) -> None:
    settings.VENA_HISTORY_TOKENS = 300
    with entered(live_acme.schema_name):
        _, rows = talk(ada, "1", "2", "3")
        assert not summarise(live_acme, rows[-1])
    assert not UsageEvent.objects.exists()


def test_an_answer_of_another_organisation_is_not_there(
    live_acme: Organisation, live_globex: Organisation, ada: User, helper: ScriptedChatModel
) -> None:
    with entered(live_acme.schema_name):
        _, rows = talk(ada, "1", "2", "3")
    with entered(live_globex.schema_name):
        assert not summarise(live_globex, rows[-1])
    assert helper.prompts == []


async def test_a_long_conversation_is_summarised_behind_its_answer(
    ready: Ready, live_acme: Organisation, helper: ScriptedChatModel
) -> None:
    user, key = await ready(live_acme)

    def before() -> tuple[UUID, set[UUID]]:
        conversation, rows = talk(user, "1", "2", "3")
        Conversation.objects.filter(pk=conversation.pk).update(leaf=rows[-1])
        return conversation.pk, {row.pk for row in rows}

    conversation, asked = await in_tenant(live_acme.schema_name, before)
    helper._queue.clear()
    helper.enqueue("The person asked for numbers.")
    async with connected(live_acme, key=key) as socket:
        await socket.ask("How many days of annual leave do staff get?", conversation=str(conversation))
        assert (await socket.until_done())[-1]["status"] == "complete"

    def row() -> Conversation:
        return Conversation.objects.get(pk=conversation)

    async with asyncio.timeout(10):
        while not (await in_tenant(live_acme.schema_name, row)).summary:
            await asyncio.sleep(0.05)
    found = await in_tenant(live_acme.schema_name, row)
    assert found.summary == "The person asked for numbers."
    assert found.summary_upto_id in asked
    assert "user: Q 1" in helper.prompts[-1].turns[0].text


def test_a_message_that_is_gone_is_no_failure(live_acme: Organisation, helper: ScriptedChatModel) -> None:
    summarise_conversation(schema_name=live_acme.schema_name, answer_id=str(uuid4()))
    assert helper.prompts == []
