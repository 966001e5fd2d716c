from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.answering.cache_keys import answer_key, is_keepable, is_personal, normalised, prefix_key, similar_key
from knowledge.types import (
    AnswerSettings,
    Asker,
    Library,
    ModelChoice,
    Question,
    Role,
    SearchScope,
    Turn,
    VectorSpace,
)
from tenants.types import TenantKey

ACME = TenantKey(id=UUID(int=1), schema_name="org_acme")
GLOBEX = TenantKey(id=UUID(int=2), schema_name="org_globex")
A, B = UUID(int=10), UUID(int=11)


def library(tenant: TenantKey = ACME, version: str = "minilm") -> Library:
    return Library(VectorSpace(tenant, version, 384), "local", "Acme")


QUESTION = Question(
    library=library(),
    asker=Asker(None, "ada@example.org"),
    answer_id=uuid4(),
    text="How many days of leave do I get?",
    scope=SearchScope((A,)),
    index_version=3,
)


@given(st.text())
def test_normalising_twice_is_normalising_once(text: str) -> None:
    assert normalised(normalised(text)) == normalised(text)


@given(st.lists(st.text(alphabet="abcXYZ019\u00e9\u00df\u00b2\"'+#-", min_size=1), min_size=1), st.data())
def test_white_space_does_not_matter(words: list[str], data: st.DataObject) -> None:
    gaps = [data.draw(st.text(alphabet=" \t\n\u00a0\u2003", min_size=1)) for _ in words]
    spaced = "".join(gap + word for gap, word in zip(gaps, words, strict=True))
    assert normalised(spaced + " \n") == normalised(" ".join(words))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("How many days?", "  how   many days ??", id="case_spaces_marks"),
        pytest.param("What is the policy", "what is the policy.", id="full_stop"),
        pytest.param("HOW MANY DAYS?", "how many days", id="all_in_capitals"),
        pytest.param("What\u2019s new?", "what's new", id="apostrophe"),
        pytest.param("\uff21\uff42\uff43\uff1f", "Abc?", id="full_width"),
        pytest.param("Cafe\u0301", "caf\u00e9", id="composed"),
        pytest.param("Wie gro\u00df?", "wie gross", id="sharp_s"),
    ],
)
def test_the_same_question(one: str, other: str) -> None:
    assert normalised(one) == normalised(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("Do we use C++?", "Do we use C?", id="c_plus_plus"),
        pytest.param("Do we use C#?", "Do we use C?", id="c_sharp"),
        pytest.param("Leave in 2024", "Leave in 2025", id="digits"),
        pytest.param("What is 10\u00b2", "What is 102", id="power"),
        pytest.param("Is 1\u00bd enough", "Is 11/2 enough", id="fraction"),
        pytest.param('What is "leave"', "What is leave", id="quotes"),
        pytest.param("Who is IT?", "Who is it?", id="it"),
        pytest.param("What do US staff get", "what do us staff get", id="us"),
        pytest.param("What is 5!", "What is 5", id="factorial"),
        pytest.param("1.5 days", "15 days", id="decimal_point"),
        pytest.param("a-b", "a b", id="hyphen"),
    ],
)
def test_another_question(one: str, other: str) -> None:
    assert normalised(one) != normalised(other)


CHANGES: dict[str, dict[str, Any]] = {
    "organisation": {"library": library(GLOBEX)},
    "embedding": {"library": library(version="other")},
    "reranking": {"library": replace(library(), is_reranked=False)},
    "its_name": {"library": replace(library(), organisation_name="Acme Ltd")},
    "scope": {"scope": SearchScope((A, B))},
    "documents": {"scope": SearchScope((A,), document_ids=(B,))},
    "since": {"scope": SearchScope((A,), since=date(2026, 1, 1))},
    "index": {"index_version": 4},
    "model": {"settings": AnswerSettings(primary=ModelChoice("openai", "gpt-4o-mini"))},
    "backup": {"settings": AnswerSettings(backup=ModelChoice("anthropic"))},
    "instructions": {"settings": AnswerSettings(instructions="Be formal.")},
    "prompt": {"settings": AnswerSettings(prompt_version="2")},
    "multi_query": {"settings": AnswerSettings(is_multi_query=True)},
    "passages": {"settings": AnswerSettings(passages=3)},
    "arm": {"settings": AnswerSettings(arm_id=B)},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_everything_an_answer_depends_on_is_in_both_keys(change: dict[str, Any]) -> None:
    other = replace(QUESTION, **change)
    assert answer_key(other) != answer_key(QUESTION)
    assert similar_key(other) != similar_key(QUESTION)


def test_who_asks_is_not_and_the_key_lies_with_its_organisation(settings: Any) -> None:
    other = replace(QUESTION, asker=Asker(uuid4(), "grace@example.org"), answer_id=uuid4())
    assert answer_key(other) == answer_key(QUESTION)
    for key in (answer_key(other), similar_key(other)):
        assert key.startswith(f"{settings.VENA_REDIS_PREFIX}:org_acme:")


@pytest.mark.parametrize(("name", "value"), [("OPENAI_MODEL", "another"), ("VENA_PASSAGES", 2), ("VENA_RERANKED", 7)])
def test_settings_of_the_platform_are_in_the_key(settings: Any, name: str, value: object) -> None:
    before = answer_key(QUESTION)
    setattr(settings, name, value)
    assert answer_key(QUESTION) != before


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"settings": AnswerSettings(is_cached=False)}, id="switched_off"),
        pytest.param({"index_version": 0}, id="unknown_index"),
        pytest.param({"history": (Turn(Role.USER, "Hello"),)}, id="follow_up"),
        pytest.param({"summary": "They spoke of leave."}, id="summarised"),
        pytest.param({"text": "What does ada@example.org earn?"}, id="address"),
        pytest.param({"text": "Who has the number +44 20 7946 0958?"}, id="telephone"),
    ],
)
def test_what_is_not_kept(change: dict[str, Any]) -> None:
    assert is_keepable(QUESTION)
    assert not is_keepable(replace(QUESTION, **change))


def test_ordinary_numbers_are_not_personal() -> None:
    assert not is_personal("How much is a hotel for 3 nights in 2025 at 150 pounds?")


def test_the_providers_key_names_no_organisation_and_is_its_own() -> None:
    ours, theirs = prefix_key(ACME, "rules"), prefix_key(GLOBEX, "rules")
    assert ours != theirs
    assert ours != prefix_key(ACME, "other rules")
    assert "acme" not in ours
    assert len(ours) == 40
