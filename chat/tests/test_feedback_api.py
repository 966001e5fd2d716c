"""Opinions about answers, and the golden questions made of good ones."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import User
from accounts.permissions import Role
from chat import feedback
from chat.models import Citation, Feedback, Message
from chat.tests.stored import cite, talk
from chat.tests.test_conversations_api import speaking
from knowledge.models import Collection, Document, GoldenQuestion
from tenants.context import entered
from tenants.models import Organisation

JSON = "application/json"


@pytest.fixture
def person(make_person: Any, make_key: Any, on_host: Any) -> Any:
    """A signed-in client for a new person of an organisation, with the person on it."""

    def make(organisation: Organisation, email: str = "ada@example.org", role: Role = Role.MEMBER) -> Any:
        user = make_person(organisation, email, role)
        client = speaking(on_host(organisation), make_key(organisation, user))
        client.user = user
        return client

    return make


def answered(organisation: Organisation, user: User, question: str = "How many days?", **facts: Any) -> Message:
    """A complete answer that cites one document, which is there."""
    with entered(organisation.schema_name):
        collection, _ = Collection.objects.get_or_create(name="Documents")
        document = Document.objects.create(collection=collection, title="Handbook", key=f"name:{question}")
        row = talk(user, (question, "25 days [1]."))
        assert row.leaf
        cite(row.leaf, document.pk, titles=["Handbook"])
        Message.objects.filter(pk=row.leaf.pk).update(**facts)
        return row.leaf


def put(client: Any, answer: Message, method: str = "put", **body: Any) -> Any:
    return getattr(client, method)(f"/api/v1/answers/{answer.pk}/feedback/", body, content_type=JSON)


@pytest.mark.parametrize("method", ["put", "post"])
def test_an_opinion_is_replaced_and_taken_back(acme: Organisation, person: Any, method: str) -> None:
    ada = person(acme)
    answer = answered(acme, ada.user)
    assert put(ada, answer, method, rating=-1, reason="outdated", comment="Since May it is 28.").json() == {
        "rating": -1,
        "reason": "outdated",
        "comment": "Since May it is 28.",
    }
    assert put(ada, answer, method, rating=1).json() == {"rating": 1, "reason": "", "comment": ""}
    shown = ada.get(f"/api/v1/conversations/{answer.conversation_id}/").json()["messages"]
    assert [message["feedback"] for message in shown] == [None, {"rating": 1, "reason": "", "comment": ""}]
    assert ada.delete(f"/api/v1/answers/{answer.pk}/feedback/").status_code == 204
    with entered(acme.schema_name):
        assert not Feedback.objects.exists()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        pytest.param({"rating": 2}, "rating", id="rating"),
        pytest.param({}, "rating", id="none"),
        pytest.param({"rating": -1, "reason": "ugly"}, "reason", id="reason"),
        pytest.param({"rating": 1, "comment": "x" * 1001}, "comment", id="long"),
    ],
)
def test_what_is_no_opinion_is_refused(acme: Organisation, person: Any, body: dict[str, Any], field: str) -> None:
    ada = person(acme)
    refused = put(ada, answered(acme, ada.user), **body)
    assert (refused.status_code, list(refused.json()["fields"])) == (400, [field])


def test_an_answer_that_is_being_written_is_not_rated(acme: Organisation, person: Any) -> None:
    ada = person(acme, role=Role.OWNER)
    answer = answered(acme, ada.user, status=Message.Status.STREAMING)
    refused = [
        put(ada, answer, rating=1),
        ada.post(f"/api/v1/answers/{answer.pk}/gap/", {}, content_type=JSON),
        ada.post(f"/api/v1/answers/{answer.pk}/golden/"),
    ]
    assert {(one.status_code, one.json()["code"]) for one in refused} == {(409, "answer_running")}


def test_a_bad_one_is_forgotten_by_the_cache(acme: Organisation, person: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ada = person(acme)
    forgotten: list[Message] = []
    monkeypatch.setattr(feedback, "answer_forget", forgotten.append)
    answer = answered(acme, ada.user)
    put(ada, answer, rating=1)
    assert forgotten == []
    put(ada, answer, rating=-1)
    assert forgotten == [answer]


def test_nobody_else_rates_reports_or_reads(acme: Organisation, globex: Organisation, person: Any) -> None:
    answer = answered(acme, person(acme).user)
    for other in (person(acme, "bob@example.org", Role.OWNER), person(globex, "eve@example.org", Role.OWNER)):
        path = f"/api/v1/answers/{answer.pk}/"
        refused = [
            put(other, answer, rating=1),
            other.delete(f"{path}feedback/"),
            other.post(f"{path}gap/", {}, content_type=JSON),
            other.get(f"{path}follow-ups/"),
            other.post(f"{path}golden/"),
            other.get(path),
        ]
        assert {(one.status_code, one.json()["code"]) for one in refused} == {(404, "answer_not_found")}
    with entered(acme.schema_name):
        assert not Feedback.objects.exists()
        assert not GoldenQuestion.objects.exists()


# -- golden questions -----------------------------------------------------------------------------------


def test_an_editor_keeps_a_well_rated_answer(
    acme: Organisation, globex: Organisation, person: Any, django_assert_max_num_queries: Any
) -> None:
    ada, olive, eve = person(acme), person(acme, "o@example.org", Role.ADMIN), person(globex, "e@e.org", Role.OWNER)
    answer = answered(acme, ada.user)
    bad = answered(acme, ada.user, "What is it?")
    with entered(acme.schema_name):
        source = answer.sources.get()
        Citation.objects.create(source=source, start=0, end=7, quote="25 days of annual leave")
    put(ada, answer, rating=1)
    put(ada, bad, rating=-1)
    with django_assert_max_num_queries(10):
        listed = olive.get("/api/v1/answers/rated/").json()["results"]
    document = {"id": str(source.document_id), "title": "Handbook", "page": 1}
    expected = {"answer": str(answer.pk), "question": "How many days?", "documents": [document], "is_golden": False}
    assert listed == [expected]
    assert "ada@example.org" not in olive.get("/api/v1/answers/rated/").content.decode()
    assert eve.get("/api/v1/answers/rated/").json()["results"] == []
    kept = [olive.post(f"/api/v1/answers/{answer.pk}/golden/") for _ in range(2)]
    assert [one.status_code for one in kept] == [201, 201]
    assert kept[0].json() == kept[1].json()
    assert (kept[0].json()["source"], kept[0].json()["created_by"]) == ("rated", "o@example.org")
    assert [target["quote"] for target in kept[0].json()["targets"]] == ["25 days of annual leave"]
    assert olive.get("/api/v1/answers/rated/").json()["results"][0]["is_golden"] is True
    assert olive.post(f"/api/v1/answers/{bad.pk}/golden/").status_code == 404


def test_members_keep_nothing(acme: Organisation, person: Any) -> None:
    ada = person(acme)
    answer = answered(acme, ada.user)
    put(ada, answer, rating=1)
    refused = [ada.get("/api/v1/answers/rated/"), ada.post(f"/api/v1/answers/{answer.pk}/golden/")]
    assert {(one.status_code, one.json()["code"]) for one in refused} == {(403, "not_allowed")}


def test_an_editor_keeps_an_answer_of_their_own(acme: Organisation, person: Any) -> None:
    olive = person(acme, role=Role.ADMIN)
    answer = answered(acme, olive.user, "What  is\nit?", asked_as="What is the leave policy?")
    kept = olive.post(f"/api/v1/answers/{answer.pk}/golden/")
    assert (kept.status_code, kept.json()["question"]) == (201, "What is the leave policy?")
    with entered(acme.schema_name):
        Document.objects.all().delete()
        GoldenQuestion.objects.all().delete()
    refused = olive.post(f"/api/v1/answers/{answer.pk}/golden/")
    assert (refused.status_code, refused.json()["code"]) == (422, "not_golden")
