"""The chat page as the server sends it, before any script."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from chat.models import Conversation, Feedback, GapQuestion, KnowledgeGap, Message, Source
from chat.page_context import TURNS_SHOWN
from tenants.context import entered
from tenants.models import Organisation


def turn(conversation: Conversation, number: int, after: Message | None) -> Message:
    question = Message.objects.create(conversation=conversation, role="user", text=f"Question {number}?", after=after)
    answer = Message.objects.create(
        conversation=conversation, role="assistant", text=f"Answer **{number}** [1].", reply_to=question
    )
    Source.objects.create(
        message=answer, n=1, document_id=answer.pk, title="Leave", position=3, page=2, snippet="words", is_cited=True
    )
    return answer


def talk(user: User, turns: int) -> Conversation:
    conversation = Conversation.objects.create(member=user, title="Leave of absence")
    answer = None
    for number in range(turns):
        answer = turn(conversation, number, answer)
    conversation.leaf = answer
    conversation.save()
    return conversation


def leaf_of(conversation: Conversation) -> Message:
    assert conversation.leaf
    return conversation.leaf


def page_data(body: str, name: str) -> Any:
    found = re.search(rf'<script id="{name}" type="application/json">(.*?)</script>', body, re.DOTALL)
    assert found
    return json.loads(found[1])


@pytest.fixture
def mine(acme: Organisation, make_person: Any) -> User:
    with entered(acme.schema_name):
        person: User = make_person(acme)
    return person


@pytest.fixture
def client_of(on_host: Any) -> Any:
    def make(organisation: Organisation, user: User) -> Client:
        client: Client = on_host(organisation)
        with entered(organisation.schema_name):
            client.force_login(user)
        return client

    return make


def body_of(client: Client, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200
    return response.content.decode()


def test_a_conversation_can_be_read_without_a_script(acme: Organisation, mine: User, client_of: Any) -> None:
    with entered(acme.schema_name):
        conversation = talk(mine, 2)
        Feedback.objects.create(message=leaf_of(conversation), rating=-1, reason="outdated")
    body = body_of(client_of(acme, mine), f"/c/{conversation.pk}/")
    assert re.findall(r'<h2 class="question">(.*?)</h2>', body) == ["Question 0?", "Question 1?"]
    assert "<strong>1</strong>" in body
    assert f'href="/documents/{conversation.leaf_id}/?chunk=3"' in body
    assert "Leave</a>, page 2" in body
    data = page_data(body, "conversation-data")
    assert data["has_earlier"] is False
    assert data["messages"][-1]["feedback"] == {"rating": -1, "reason": "outdated", "comment": ""}


def test_a_long_conversation_begins_with_its_end(acme: Organisation, mine: User, client_of: Any) -> None:
    with entered(acme.schema_name):
        conversation = talk(mine, TURNS_SHOWN + 3)
    body = body_of(client_of(acme, mine), f"/c/{conversation.pk}/")
    shown = re.findall(r'<h2 class="question">(.*?)</h2>', body)
    assert shown == [f"Question {number}?" for number in range(3, TURNS_SHOWN + 3)]
    assert page_data(body, "conversation-data")["has_earlier"] is True


def test_only_the_open_branch_is_shown(acme: Organisation, mine: User, client_of: Any) -> None:
    with entered(acme.schema_name):
        conversation = talk(mine, 1)
        first = conversation.leaf
        assert first
        other = Message.objects.create(
            conversation=conversation, role="assistant", text="Another answer.", reply_to=first.reply_to
        )
        conversation.leaf = other
        conversation.save()
    body = body_of(client_of(acme, mine), f"/c/{conversation.pk}/")
    assert "Another answer." in body
    assert "Answer <strong>" not in body
    assert page_data(body, "conversation-data")["messages"][-1]["siblings"] == [str(first.pk), str(other.pk)]


def test_the_side_bar_has_pinned_ones_apart_and_no_archived_ones(
    acme: Organisation, mine: User, client_of: Any
) -> None:
    with entered(acme.schema_name):
        now = timezone.now()
        for title, fields in (("Plain", {}), ("Kept", {"pinned_at": now}), ("Gone", {"archived_at": now})):
            Conversation.objects.create(member=mine, title=title, **fields)
    body = body_of(client_of(acme, mine), "/")
    pinned, _, rest = body.partition("data-day=")
    assert ">Kept</a>" in pinned
    assert ">Plain</a>" in rest
    assert ">Gone</a>" not in body


def test_a_filled_gap_is_told_to_who_asked_and_nobody_else(
    acme: Organisation, globex: Organisation, mine: User, make_person: Any, client_of: Any
) -> None:
    with entered(acme.schema_name):
        answer = leaf_of(talk(mine, 1))
        gap = KnowledgeGap.objects.create(
            topic="A colleague's words", status=KnowledgeGap.Status.FILLED, note="See the handbook."
        )
        GapQuestion.objects.create(gap=gap, answer=answer, text="How long is leave?")
        colleague = make_person(acme, email="colleague@acme.example")
    with entered(globex.schema_name):
        stranger = make_person(globex)
    body = body_of(client_of(acme, mine), "/")
    assert "colleague&#x27;s words" not in body
    assert "colleague\\u0027s words" not in body
    [told] = page_data(body, "filled-gaps")
    assert told["topic"] == "How long is leave?"
    assert (told["question"], told["note"]) == ("How long is leave?", "See the handbook.")
    assert page_data(body_of(client_of(acme, colleague), "/"), "filled-gaps") == []
    assert page_data(body_of(client_of(globex, stranger), "/"), "filled-gaps") == []


def test_another_persons_conversation_is_not_there(
    acme: Organisation, mine: User, make_person: Any, client_of: Any
) -> None:
    with entered(acme.schema_name):
        conversation = talk(make_person(acme, email="colleague@acme.example"), 1)
    response = client_of(acme, mine).get(f"/c/{conversation.pk}/")
    assert response.status_code == 404
    assert b"Question 0?" not in response.content
