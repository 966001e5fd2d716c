"""What the documents did not answer: kept with the answer, put to topics, told about when it is filled."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from django.conf import settings as django_settings
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.models import User
from accounts.permissions import Role
from billing.models import UsageEvent
from chat.actions import gap_keep
from chat.conversations import conversation_delete
from chat.gaps import tasks
from chat.gaps.topics import most_typical, packed, same_topic, unpacked
from chat.models import GapQuestion, KnowledgeGap
from chat.tests.conftest import Ready
from chat.tests.gap_questions import TOPICS
from chat.tests.stored import talk
from chat.tests.test_conversations_api import speaking
from chat.tests.web import web
from knowledge.answering.prompts import NOT_FOUND_TEXT
from knowledge.models import DocumentVersion
from knowledge.providers.loops import run_in_loop
from knowledge.providers.registry import embedder
from knowledge.providers.scripted import ScriptedChatModel
from knowledge.tests.conftest import Upload, upload
from tenants.context import entered, in_tenant
from tenants.models import Organisation

__all__ = ["upload"]

JSON = "application/json"
DOGS = ("Can I bring my dog to the office?", "Are pets allowed at work?", "Is it OK to take my dog to work?")
SHIPPING = "Do we ship to Norway?"
REFUSAL = NOT_FOUND_TEXT


@pytest.fixture
def asked(acme: Organisation, ready_index: Any, django_capture_on_commit_callbacks: Any) -> Any:
    """A question of a person that the documents did not answer, already put to its topic."""
    ready_index(acme)

    def ask(user: User, text: str, **facts: Any) -> GapQuestion:
        with entered(acme.schema_name):
            answer = talk(user, (text, REFUSAL)).leaf
            assert answer
            with django_capture_on_commit_callbacks(execute=True):
                gap_keep(answer.pk, **facts)
            return GapQuestion.objects.select_related("gap", "answer__conversation").get(pk=answer.pk)

    return ask


@pytest.fixture
def people(acme: Organisation, globex: Organisation, make_person: Any, make_key: Any, on_host: Any) -> dict[str, Any]:
    """Clients: two members and an editor of acme, an owner of globex; the person is on each."""
    found = {}
    for name, organisation, role in (
        ("ada", acme, Role.MEMBER),
        ("bob", acme, Role.MEMBER),
        ("olive", acme, Role.ADMIN),
        ("eve", globex, Role.OWNER),
    ):
        user = make_person(organisation, f"{name}@example.org", role)
        found[name] = speaking(on_host(organisation), make_key(organisation, user))
        found[name].user = user
    return found


def listed(client: Any, status: str = "") -> list[dict[str, Any]]:
    answer = client.get(f"/api/v1/gaps/?status={status}")
    assert answer.status_code == 200, answer.content
    return list(answer.json()["results"])


# -- topics -------------------------------------------------------------------------------------------


def test_the_threshold_tells_topics_apart() -> None:
    """Pairs of questions put together, over ten orders of asking, with the local model. Over a hundred orders 81 % of
    those together belong so, and 91 % of those that belong together are; by the nearest single question, at its best,
    it is 75 % and 93 %. The set is hard: neighbours differ by one word."""
    texts = [text for topic in TOPICS for text in topic]
    right = np.repeat(np.arange(len(TOPICS)), [len(topic) for topic in TOPICS])
    vectors, _ = run_in_loop(embedder("local").embed_documents(texts))
    rows = [packed(vector) for vector in vectors]
    together = correct = found = 0
    for seed in range(10):
        topics: dict[int, list[bytes]] = {}
        put = np.zeros(len(rows), int)
        for row in np.random.default_rng(seed).permutation(len(rows)):
            topic = same_topic(rows[row], topics, django_settings.VENA_GAP_SIMILARITY)
            put[row] = len(topics) if topic is None else topic
            topics.setdefault(int(put[row]), []).append(rows[row])
        pairs = np.triu_indices(len(rows), 1)
        same, belongs = (put[:, None] == put)[pairs], (right[:, None] == right)[pairs]
        together, correct, found = together + same.sum(), correct + (same & belongs).sum(), found + belongs.sum()
    assert correct / together >= 0.75
    assert correct / found >= 0.85


@settings(max_examples=60)
@given(st.lists(st.lists(st.floats(-1, 1, width=32), min_size=4, max_size=4), min_size=1, max_size=8))
def test_any_vectors_can_be_packed_and_compared(vectors: list[list[float]]) -> None:
    rows = [packed(vector) for vector in vectors]
    assert 0 <= most_typical(rows) < len(rows)
    assert all(np.linalg.norm(unpacked(row)) <= 1.001 for row in rows)
    assert same_topic(rows[0], {"mine": rows}, threshold=-2) == "mine"
    assert same_topic(rows[0], {"mine": rows}, threshold=2) is None
    assert same_topic(rows[0], {}, threshold=-2) is None


def test_questions_about_one_thing_are_one_topic(people: dict[str, Any], asked: Any) -> None:
    for name, text in zip(("ada", "bob", "ada"), DOGS, strict=True):
        asked(people[name].user, text)
    asked(people["bob"].user, SHIPPING)
    shipping, dogs = listed(people["olive"])
    assert (shipping["topic"], shipping["people"], shipping["asked"]) == (SHIPPING, 1, 1)
    assert (dogs["people"], dogs["asked"], dogs["topic"] in DOGS) == (2, 3, True)
    assert {one["text"] for one in dogs["questions"]} == set(DOGS)
    assert dogs["first_asked_at"] < dogs["last_asked_at"]
    assert "example.org" not in people["olive"].get("/api/v1/gaps/").content.decode()
    assert UsageEvent.objects.filter(kind="embedding", member_label="ada@example.org").count() == 2


def test_vectors_of_another_model_are_not_compared(acme: Organisation, people: dict[str, Any], asked: Any) -> None:
    first = asked(people["ada"].user, DOGS[0])
    with entered(acme.schema_name):
        GapQuestion.objects.filter(pk=first.pk).update(embedding_version="another-model")
    second = asked(people["bob"].user, DOGS[2])
    assert first.gap_id != second.gap_id
    tasks.review_gaps(schema_name=acme.schema_name)  # at night the old one is embedded again, and joins
    with entered(acme.schema_name):
        assert KnowledgeGap.objects.count() == 1
        assert set(GapQuestion.objects.values_list("embedding_version", flat=True)) == {second.embedding_version}


def test_a_filled_topic_is_not_joined_and_a_dismissed_one_is(
    acme: Organisation, people: dict[str, Any], asked: Any
) -> None:
    gap = asked(people["ada"].user, DOGS[0]).gap
    for status, joins in (("dismissed", True), ("filled", False)):
        people["olive"].patch(f"/api/v1/gaps/{gap.pk}/", {"status": status}, content_type=JSON)
        assert (asked(people["bob"].user, DOGS[2]).gap_id == gap.pk) is joins


def test_organisations_have_topics_of_their_own(
    acme: Organisation, globex: Organisation, people: dict[str, Any], asked: Any, ready_index: Any
) -> None:
    asked(people["ada"].user, DOGS[0])
    ready_index(globex)
    with entered(globex.schema_name):
        answer = talk(people["eve"].user, (DOGS[2], REFUSAL)).leaf
        assert answer
        gap_keep(answer.pk)
    tasks.place_gap_question(schema_name=globex.schema_name, answer_id=str(answer.pk))
    assert [gap["topic"] for gap in listed(people["olive"])] == [DOGS[0]]
    assert [gap["topic"] for gap in listed(people["eve"])] == [DOGS[2]]
    gap_id = listed(people["olive"])[0]["id"]
    refused = people["eve"].patch(f"/api/v1/gaps/{gap_id}/", {"status": "filled"}, content_type=JSON)
    assert (refused.status_code, refused.json()["code"]) == (404, "gap_not_found")
    assert people["eve"].post(f"/api/v1/gaps/{gap_id}/seen/").status_code == 404


# -- how they come in ---------------------------------------------------------------------------------


async def test_a_refused_answer_is_kept_as_a_gap(
    live_acme: Organisation, ready: Ready, scripted: ScriptedChatModel
) -> None:
    _, key = await ready(live_acme)
    scripted.enqueue("You get 25 days [1].", REFUSAL)
    async with web(live_acme, key) as client:
        for text in ("How many days of leave?", "Who is the fire warden?"):
            answer = (await client.post("/api/v1/conversations/", json={"text": text})).json()

    def kept() -> list[GapQuestion]:
        return list(GapQuestion.objects.select_related("gap"))

    rows = await in_tenant(live_acme.schema_name, kept)
    assert [(str(row.pk), row.text, row.is_reported) for row in rows] == [(answer["id"], text, False)]
    assert answer["status"] == "refused"
    assert [near["title"] for near in rows[0].gap.nearest] == ["leave"]
    assert 0 < rows[0].gap.nearest[0]["similarity"] < 1


def test_a_person_reports_one(acme: Organisation, people: dict[str, Any], ready_index: Any) -> None:
    ready_index(acme)
    with entered(acme.schema_name):
        answer = talk(people["ada"].user, (SHIPPING, "We ship to the EU [1].")).leaf
        assert answer
    path = f"/api/v1/answers/{answer.pk}/gap/"
    first = people["ada"].post(path, {"comment": "Norway is missing."}, content_type=JSON)
    second = people["ada"].post(path, {}, content_type=JSON)
    assert [one.status_code for one in (first, second)] == [201, 201]
    (gap,) = listed(people["olive"])
    assert [(one["is_reported"], one["comment"]) for one in gap["questions"]] == [(True, "Norway is missing.")]
    shown = people["ada"].get(f"/api/v1/answers/{answer.pk}/").json()
    assert shown["gap_reported"] is True  # so that the page says it again after a reload


def test_a_deleted_conversation_takes_its_questions_along(
    acme: Organisation, people: dict[str, Any], asked: Any
) -> None:
    first, second = asked(people["ada"].user, DOGS[0]), asked(people["bob"].user, DOGS[2])
    with entered(acme.schema_name):
        conversation_delete(tenant=acme.key, conversation=first.answer.conversation)
        gap = KnowledgeGap.objects.get()
        assert (gap.topic, gap.questions.count()) == (DOGS[2], 1)
        conversation_delete(tenant=acme.key, conversation=second.answer.conversation)
        assert not KnowledgeGap.objects.exists()


# -- what becomes of them -----------------------------------------------------------------------------


def test_those_who_asked_are_told_once(people: dict[str, Any], asked: Any) -> None:
    ada, bob, olive = people["ada"], people["bob"], people["olive"]
    first = asked(ada.user, DOGS[0])
    asked(bob.user, DOGS[2])
    path = f"/api/v1/gaps/{first.gap_id}/"
    assert ada.get("/api/v1/gaps/filled/").json() == []
    changed = olive.patch(path, {"status": "filled", "note": "See the pet policy."}, content_type=JSON)
    assert (changed.status_code, changed.json()["status"], changed.json()["people"]) == (200, "filled", 2)
    assert ada.get("/api/v1/gaps/filled/").json() == [
        {
            "id": str(first.gap_id),
            "topic": DOGS[0],
            "note": "See the pet policy.",
            "question": DOGS[0],
            "conversation": str(first.answer.conversation_id),
        }
    ]
    assert [one["topic"] for one in bob.get("/api/v1/gaps/filled/").json()] == [DOGS[2]]
    assert olive.get("/api/v1/gaps/filled/").json() == people["eve"].get("/api/v1/gaps/filled/").json() == []
    assert ada.post(f"{path}seen/").status_code == 204
    assert ada.get("/api/v1/gaps/filled/").json() == []
    assert len(bob.get("/api/v1/gaps/filled/").json()) == 1
    assert olive.post(f"{path}seen/").json()["code"] == "gap_not_found"
    olive.patch(path, {"status": "open"}, content_type=JSON)
    olive.patch(path, {"status": "filled"}, content_type=JSON)
    assert len(ada.get("/api/v1/gaps/filled/").json()) == 1


def test_members_do_not_see_the_list(people: dict[str, Any], asked: Any) -> None:
    gap = asked(people["ada"].user, DOGS[0]).gap
    ada = people["ada"]
    refused = [ada.get("/api/v1/gaps/"), ada.patch(f"/api/v1/gaps/{gap.pk}/", {"note": "x"}, content_type=JSON)]
    assert {(one.status_code, one.json()["code"]) for one in refused} == {(403, "not_allowed")}


def test_the_list_costs_the_same_however_long(
    acme: Organisation, people: dict[str, Any], django_assert_max_num_queries: Any
) -> None:
    with entered(acme.schema_name):
        for number in range(12):
            answer = talk(people["ada"].user, (f"Question {number}?", REFUSAL)).leaf
            assert answer
            gap = KnowledgeGap.objects.create(topic=f"Question {number}?")
            GapQuestion.objects.create(gap=gap, answer=answer, text=gap.topic)
    listed(people["olive"])
    with django_assert_max_num_queries(8):
        assert len(listed(people["olive"], "open")) == 12
    assert listed(people["olive"], "planned") == []


def test_a_new_document_that_answers_is_noticed_at_night(
    acme: Organisation,
    people: dict[str, Any],
    asked: Any,
    upload: Upload,
    django_capture_on_commit_callbacks: Any,
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        upload(acme, b"# Leave\n\nStaff get 25 days of annual leave.", name="leave.md")
    gap = asked(people["ada"].user, DOGS[0]).gap
    asked(people["ada"].user, SHIPPING)
    tasks.review_gaps(schema_name=acme.schema_name)
    assert [one["may_be_filled_at"] for one in listed(people["olive"])] == [None, None]
    with django_capture_on_commit_callbacks(execute=True):
        upload(acme, b"# Pets\n\nYou may bring your dog to the office if it is quiet.", name="pets.md")
    with entered(acme.schema_name):
        DocumentVersion.objects.filter(file_name="pets.md").update(ready_at=timezone.now())
    spent = UsageEvent.objects.count()
    tasks.review_gaps(schema_name=acme.schema_name)
    marked = {one["topic"]: one["may_be_filled_at"] is not None for one in listed(people["olive"])}
    assert marked == {DOGS[0]: True, SHIPPING: False}
    assert UsageEvent.objects.count() == spent  # it costs nothing
    assert gap.may_be_filled_at is None


# -- the page -----------------------------------------------------------------------------------------


def test_the_page(acme: Organisation, people: dict[str, Any], asked: Any, on_host: Any) -> None:
    olive, ada = on_host(acme), on_host(acme)
    olive.sign_in("olive@example.org")
    ada.sign_in("ada@example.org")
    assert "No gaps so far" in olive.get("/knowledge/gaps/").content.decode()
    asked(people["ada"].user, DOGS[0], is_reported=True, comment="Please <say>.")
    page = olive.get("/knowledge/gaps/").content.decode()
    assert DOGS[0] in page
    assert "1 person asked" in page
    assert "Please &lt;say&gt;." in page
    assert "ada@example.org" not in page
    assert "No topic is planned." in olive.get("/knowledge/gaps/?status=planned").content.decode()
    assert (ada.get("/knowledge/gaps/").status_code, on_host(acme).get("/knowledge/gaps/").status_code) == (403, 302)
    assert '"/knowledge/gaps/"' in olive.get("/").content.decode()
    assert '"/knowledge/gaps/"' not in ada.get("/").content.decode()
