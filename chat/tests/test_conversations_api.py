"""Lists, search, changes and files of conversations. Two organisations, and a colleague, in each test's reach."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import User
from chat import conversations as changes
from chat.exporting import file_name, with_footnotes
from chat.models import Conversation, KnowledgeGap, Message
from chat.searching import holding, snippet, words_of
from chat.selectors import conversation_for_page
from chat.tests.stored import add_turn, cite, talk
from tenants.context import entered
from tenants.models import Organisation

PATH = "/api/v1/conversations/"
JSON = "application/json"


@pytest.fixture
def ada(acme: Organisation, make_person: Any) -> User:
    person: User = make_person(acme)
    return person


@pytest.fixture
def client(acme: Organisation, ada: User, make_key: Any, on_host: Any) -> Any:
    return speaking(on_host(acme), make_key(acme, ada))


@pytest.fixture
def others(acme: Organisation, globex: Organisation, make_person: Any, make_key: Any, on_host: Any) -> list[Any]:
    """A colleague, who is an owner even, and somebody of another organisation."""
    found = []
    for organisation, email in ((acme, "bob@example.org"), (globex, "eve@example.org")):
        person = make_person(organisation, email, "owner")
        found.append(speaking(on_host(organisation), make_key(organisation, person)))
    return found


def speaking(host: Any, key: str) -> Any:
    host.defaults["HTTP_AUTHORIZATION"] = f"Bearer {key}"
    return host


def titles(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [row["title"] for row in answer.json()["results"]]


# -- the list -----------------------------------------------------------------------------------------


def test_the_last_used_first_and_pinned_ones_on_the_first_page(client: Any, acme: Organisation, ada: User) -> None:
    with entered(acme.schema_name):
        made = [talk(ada, (f"Question {number}", "So.")) for number in range(5)]
        changes.conversation_change(conversation=made[1], is_pinned=True)
        changes.conversation_change(conversation=made[4], is_archived=True)
    first = client.get(f"{PATH}?page_size=2").json()
    second = client.get(first["next"]).json()
    assert [row["title"] for row in first["results"]] == ["Question 1", "Question 3", "Question 2"]
    assert [row["is_pinned"] for row in first["results"]] == [True, False, False]
    assert ([row["title"] for row in second["results"]], second["next"]) == (["Question 0"], None)
    assert titles(client.get(f"{PATH}?archived=true")) == ["Question 4"]
    assert "snippet" not in first["results"][0]


@pytest.mark.parametrize("query", ["", "?q=leave"], ids=["list", "search"])
def test_the_list_costs_the_same_however_long(
    client: Any, acme: Organisation, ada: User, django_assert_max_num_queries: Any, query: str
) -> None:
    with entered(acme.schema_name):
        for number in range(12):
            talk(ada, (f"Question {number} about leave", "So."))
    client.get(PATH)
    with django_assert_max_num_queries(8):
        assert len(titles(client.get(PATH + query))) == 12


# -- search -------------------------------------------------------------------------------------------


def test_search_reads_messages_and_titles(client: Any, acme: Organisation, ada: User) -> None:
    with entered(acme.schema_name):
        talk(ada, ("How many days?", "You get 25 days of annual leave [1]."), title="Holidays")
        talk(ada, ("What may a hotel cost?", "Up to 150 pounds."), title="Leave it to me")
        talk(ada, ("Where is the kitchen?", "Downstairs."), title="Kitchen")
    found = {row["title"]: row["snippet"] for row in client.get(f"{PATH}?q=annual lea").json()["results"]}
    assert found == {"Holidays": "You get 25 days of «annual» «leave» [1]."}
    assert titles(client.get(f"{PATH}?q=LEAVE")) == ["Leave it to me", "Holidays"]
    assert client.get(f"{PATH}?q=leave me").json()["results"][0]["snippet"] == ""
    assert titles(client.get(f"{PATH}?q=nothing of the kind")) == []
    assert len(titles(client.get(f"{PATH}?q=%27%26!:*"))) == 3  # no word in it: no search


def test_search_stays_with_the_person(client: Any, others: list[Any], acme: Organisation, ada: User) -> None:
    with entered(acme.schema_name):
        talk(ada, ("Where is the treasure?", "Under the palm."))
    assert titles(client.get(f"{PATH}?q=treasure")) == ["Where is the treasure?"]
    assert [titles(other.get(f"{PATH}?q=treasure")) for other in others] == [[], []]
    assert [titles(other.get(PATH)) for other in others] == [[], []]


def test_search_uses_its_index(acme: Organisation) -> None:
    with entered(acme.schema_name), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        plan = holding(Message.objects.order_by(), ["leave"]).explain()
    assert "message_words" in plan


@given(st.text(), st.text(min_size=1))
def test_any_query_makes_words_and_snippets(query: str, text: str) -> None:
    words = words_of(query)
    assert len(words) <= 8
    assert all(word.isalnum() for word in words)
    if words:
        shown = snippet(text, words)
        assert shown.count("«") == shown.count("»")
        assert "\n" not in shown


def test_a_snippet_is_the_surroundings_of_the_match() -> None:
    text = f"{'before ' * 40}the Treasure lies here {'after ' * 60}"
    shown = snippet(text, ["treas"])
    assert shown.startswith("… before")
    assert "the «Treasure» lies here after" in shown
    assert shown.endswith("after …")
    assert len(shown) < 200


# -- one conversation -----------------------------------------------------------------------------------


def test_changes(client: Any, acme: Organisation, ada: User) -> None:
    with entered(acme.schema_name):
        row = talk(ada, ("How many days?", "25."))
    answer = client.patch(
        f"{PATH}{row.pk}/", {"title": "Holidays", "is_pinned": True, "is_shared": True}, content_type=JSON
    )
    body = answer.json()
    assert (answer.status_code, body["title"], body["is_pinned"], body["is_archived"]) == (200, "Holidays", True, False)
    assert body["share_url"] == f"http://acme.localhost:8000/c/{row.pk}/shared/"
    assert [message["text"] for message in body["messages"]] == ["How many days?", "25."]
    off = client.patch(f"{PATH}{row.pk}/", {"is_shared": False, "is_pinned": False}, content_type=JSON).json()
    assert (off["is_shared"], off["share_url"], off["is_pinned"]) == (False, None, False)
    with entered(acme.schema_name):
        row.refresh_from_db()
        assert (row.title, row.is_named) == ("Holidays", True)
    refused = client.patch(f"{PATH}{row.pk}/", {"title": ""}, content_type=JSON)
    assert (refused.status_code, list(refused.json()["fields"])) == (400, ["title"])


def test_another_branch_is_opened_at_its_newest_end(client: Any, acme: Organisation, ada: User) -> None:
    with entered(acme.schema_name):
        row = talk(ada, ("First?", "One."))
        first = row.leaf
        add_turn(row, "Second?", "Two.", after=first)
        third = add_turn(row, "Third?", "Three.")
        other = add_turn(row, "Second, otherwise?", "Another two.", after=first)
        assert third.reply_to
        assert third.reply_to.after
        second_question = third.reply_to.after.reply_to_id
        assert row.leaf_id == other.pk
    opened = client.patch(f"{PATH}{row.pk}/", {"leaf": str(second_question)}, content_type=JSON).json()
    assert [message["text"] for message in opened["messages"]] == [
        "First?",
        "One.",
        "Second?",
        "Two.",
        "Third?",
        "Three.",
    ]
    assert len(opened["messages"][2]["siblings"]) == 2
    refused = client.patch(f"{PATH}{row.pk}/", {"leaf": str(uuid4())}, content_type=JSON)
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid")


def test_older_messages(client: Any, acme: Organisation, ada: User) -> None:
    with entered(acme.schema_name):
        row = talk(ada, ("First?", "One."), ("Second?", "Two."), ("Third?", "Three."))
    path = f"{PATH}{row.pk}/messages/"
    last = client.get(f"{path}?limit=2").json()
    assert ([one["text"] for one in last["messages"]], last["has_more"]) == (["Third?", "Three."], True)
    before = client.get(f"{path}?limit=10&before={last['messages'][0]['id']}").json()
    assert [one["text"] for one in before["messages"]] == ["First?", "One.", "Second?", "Two."]
    assert before["has_more"] is False
    assert client.get(f"{path}?before={uuid4()}").status_code == 404


def test_deleting_leaves_no_text_behind(client: Any, acme: Organisation, ada: User) -> None:
    with entered(acme.schema_name):
        row = talk(ada, ("A secret?", "Yes."))
        assert row.leaf
        KnowledgeGap.objects.create(topic="A secret?").questions.create(answer=row.leaf, text="A secret?")
    assert client.delete(f"{PATH}{row.pk}/").status_code == 204
    with entered(acme.schema_name):
        assert (Conversation.objects.count(), Message.objects.count(), KnowledgeGap.objects.count()) == (0, 0, 0)
    assert client.get(f"{PATH}{row.pk}/").json()["code"] == "conversation_not_found"


def test_nobody_else_reads_or_changes_it(client: Any, others: list[Any], acme: Organisation, ada: User) -> None:
    with entered(acme.schema_name):
        row = talk(ada, ("A secret?", "Yes."), shared_at=None)
    for other in others:
        refused = [
            other.get(f"{PATH}{row.pk}/"),
            other.patch(f"{PATH}{row.pk}/", {"title": "Mine"}, content_type=JSON),
            other.delete(f"{PATH}{row.pk}/"),
            other.get(f"{PATH}{row.pk}/export/"),
            other.get(f"{PATH}{row.pk}/export/?format=json"),
            other.get(f"{PATH}{row.pk}/messages/"),
        ]
        assert {(one.status_code, one.json()["code"]) for one in refused} == {(404, "conversation_not_found")}
    with entered(acme.schema_name):
        assert Conversation.objects.get().title == "A secret?"


def test_nobody_without_a_key_reads_anything(acme: Organisation, on_host: Any) -> None:
    for path in (PATH, f"{PATH}{uuid4()}/", f"/api/v1/answers/{uuid4()}/", "/api/v1/gaps/filled/"):
        assert on_host(acme).get(path).status_code == 401


# -- files ----------------------------------------------------------------------------------------------


def test_markdown_has_the_sources_as_footnotes(client: Any, acme: Organisation, ada: User) -> None:
    with entered(acme.schema_name):
        row = talk(ada, ("How many days?", "25 days [1], as `list[9]` says [2]."), title="Days: off / on?")
        assert row.leaf
        cite(row.leaf, None, None, titles=["Handbook", "Rules [old]"])
        source = row.leaf.sources.first()
        assert source
    answer = client.get(f"{PATH}{row.pk}/export/?format=md")
    text = answer.content.decode()
    assert answer["Content-Type"] == "text/markdown; charset=utf-8"
    assert answer["Content-Disposition"] == 'attachment; filename="Days-off-on.md"'
    assert text.startswith("# Days: off / on?\n\n## How many days?\n\n25 days [^1-1], as `list[9]` says [^1-2].")
    link = f"http://acme.localhost:8000/documents/{source.document_id}/?chunk=0"
    assert f"[^1-1]: [Handbook]({link}), page 1" in text
    assert "[^1-2]: [Rules \\[old\\]](" in text


def test_json_has_every_branch(client: Any, acme: Organisation, ada: User) -> None:
    with entered(acme.schema_name):
        row = talk(ada, ("First?", "One."))
        add_turn(row, "Second?", "Two.", after=row.leaf)
        first = row.messages.get(text="One.")
        add_turn(row, "Otherwise?", "Another.", after=first)
        shown = conversation_for_page(row)
    answer = client.get(f"{PATH}{row.pk}/export/?format=json")
    data = json.loads(answer.content)
    texts = {one["id"]: one["text"] for one in data["messages"]}
    assert answer["Content-Disposition"].endswith('.json"')
    assert sorted(texts.values()) == sorted(["First?", "One.", "Second?", "Two.", "Otherwise?", "Another."])
    assert {texts[one["after"]] for one in data["messages"] if one["after"]} == {"One."}
    assert texts[data["leaf"]] == shown["messages"][-1]["text"] == "Another."


@given(st.text(max_size=120))
def test_a_file_name_is_always_safe(title: str) -> None:
    name = file_name(title, "md")
    assert name.isascii()
    assert name.removesuffix(".md").replace("-", "").replace("_", "").isalnum()
    assert len(name) <= 83


def test_code_is_no_footnote() -> None:
    text = "So [1].\n```python\nitems[1]\n```\nAnd [1, 2], not [7]."
    assert with_footnotes(text, {1, 2}, 3) == "So [^3-1].\n```python\nitems[1]\n```\nAnd [^3-1][^3-2], not [7]."
