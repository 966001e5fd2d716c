"""A conversation that its owner shares: read by colleagues, changed by nobody, gone at once when it is unshared."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from chat.models import Conversation, Message
from chat.tests.stored import add_turn, cite, talk
from knowledge.models import Collection, Document
from tenants.context import entered
from tenants.models import Organisation


@pytest.fixture
def shared(acme: Organisation, make_person: Any) -> Conversation:
    user: User = make_person(acme)
    with entered(acme.schema_name):
        collection = Collection.objects.create(name="Documents")
        document = Document.objects.create(collection=collection, title="Handbook", key="name:handbook")
        row = talk(user, ("How many <b>days</b>?", "You get **25** days [1][2]."), shared_at=timezone.now())
        assert row.leaf
        cite(row.leaf, document.pk, None, titles=["Handbook", "Gone"])
        add_turn(row, "And now?", "Half an", status=Message.Status.STREAMING)
        return row


@pytest.fixture
def bob(acme: Organisation, make_person: Any, on_host: Any) -> Any:
    make_person(acme, "bob@example.org")
    host = on_host(acme)
    host.sign_in("bob@example.org")
    return host


def address(row: Conversation) -> str:
    return f"/c/{row.pk}/shared/"


def test_a_colleague_reads_it(shared: Conversation, bob: Any) -> None:
    answer = bob.get(address(shared))
    page = answer.content.decode()
    assert answer["X-Robots-Tag"] == "noindex, nofollow"
    assert "no-store" in answer["Cache-Control"]
    assert '<meta name="robots" content="noindex, nofollow">' in page
    assert "How many &lt;b&gt;days&lt;/b&gt;?" in page
    assert "You get **25** days [1][2]." in page
    assert "Half an" not in page  # it is not written yet
    assert page.count('href="/documents/') == 2  # the side bar's, and the source that is there
    assert "Gone" in page
    assert bob.get(f"/c/{shared.pk}/").status_code == 404  # to read, and nothing else
    assert bob.get(f"/api/v1/conversations/{shared.pk}/").status_code == 404


def test_unshared_is_gone_at_once(acme: Organisation, shared: Conversation, bob: Any) -> None:
    assert bob.get(address(shared)).status_code == 200
    with entered(acme.schema_name):
        Conversation.objects.update(shared_at=None)
    assert bob.get(address(shared)).status_code == 404


def test_an_answer_from_what_the_reader_may_not_read_is_withheld(
    acme: Organisation, shared: Conversation, bob: Any
) -> None:
    with entered(acme.schema_name):
        Collection.objects.update(access=Collection.Access.GROUPS)
    page = bob.get(address(shared)).content.decode()
    assert page.count('href="/documents/') == 1
    assert "This answer rests on documents that you may not read." in page
    assert "**25**" not in page
    assert "Handbook" not in page
    assert "Passage 1." not in page


def test_nobody_else_reads_it(
    acme: Organisation, globex: Organisation, shared: Conversation, make_person: Any, on_host: Any
) -> None:
    make_person(globex, "eve@example.org", "owner")
    eve = on_host(globex)
    eve.sign_in("eve@example.org")
    assert eve.get(address(shared)).status_code == 404
    assert on_host(acme).get(address(shared))["Location"].startswith("/accounts/login/")
