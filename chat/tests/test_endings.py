"""The end of an answer is stored once, whole, each quote with its own source, in its own organisation."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.db import DataError
from django.utils import timezone

from accounts.models import User
from chat.endings import Outcome, answer_store
from chat.models import Citation, Conversation, Message, Source
from knowledge.types import Passage, Support
from tenants.context import entered
from tenants.models import Organisation

TEXTS = ("Staff get 25 days.", "Unused days expire.", "Ask your manager.")


def answer_of(member: User) -> UUID:
    conversation = Conversation.objects.create(member=member, title="Leave")
    now = timezone.now()
    question = Message.objects.create(conversation=conversation, role="user", text="?", created_at=now)
    answer = Message.objects.create(
        conversation=conversation, role="assistant", reply_to=question, created_at=now + timedelta(seconds=1)
    )
    Message.objects.filter(pk=answer.pk).update(status=Message.Status.STREAMING)
    return answer.pk


def outcome(title: str = "Leave") -> Outcome:
    """Three passages; the third is quoted first, the second not at all."""
    passages = [
        Passage(n, uuid4(), uuid4(), title, text, (), None, n, 1.0, 1.0) for n, text in enumerate(TEXTS, start=1)
    ]
    supports = [Support(3, 0, 10, 0, 3, 0.9), Support(1, 11, 20, 0, 5, 0.8), Support(1, 21, 30, 10, 17, 0.7)]
    return Outcome(status="complete", text="x" * 30, passages=passages, cited=(3, 1), supports=supports)


def quotes() -> list[tuple[int, int, str]]:
    return list(Citation.objects.order_by("source__n", "start").values_list("source__n", "start", "quote"))


def test_each_quote_has_its_source_and_nothing_is_stored_twice(
    acme: Organisation, globex: Organisation, make_person: Callable[..., User]
) -> None:
    member, other = make_person(acme), make_person(globex, "other@globex.example")
    with entered(globex.schema_name):
        theirs = answer_of(other)
    with entered(acme.schema_name):
        ours = answer_of(member)
        answer_store(theirs, outcome())  # is not here
        assert not Source.objects.exists()
        answer_store(ours, outcome())
        kept = [(1, 11, "Staff"), (1, 21, "25 days"), (3, 0, "Ask")]
        assert quotes() == kept
        answer_store(ours, Outcome(status="failed", text="later", passages=outcome().passages))
        row = Message.objects.get(pk=ours)
        assert (row.status, row.text, quotes(), Source.objects.count()) == ("complete", "x" * 30, kept, 3)
    with entered(globex.schema_name):
        assert (Source.objects.count(), Message.objects.get(pk=theirs).status) == (0, "streaming")


def test_what_does_not_fit_is_an_error_and_not_cut(acme: Organisation, make_person: Callable[..., User]) -> None:
    member = make_person(acme)
    with entered(acme.schema_name):
        ours = answer_of(member)
        with pytest.raises(DataError):
            answer_store(ours, outcome(title="t" * 256))
