from __future__ import annotations

from uuid import UUID

import pytest

from knowledge.answering.evidence import is_enough, looks_english, refusal, share_of_words
from knowledge.answering.links import plain_links
from knowledge.answering.prompts import NOT_FOUND_TEXT, is_not_found
from knowledge.types import Extent, Passage

ID = UUID(int=1)
LOCAL, OPENAI = "minilm-l6-v2-q8", "openai-3-small-1536"
QUESTION = "How many days of annual leave do staff get?"


def passage(text: str, similarity: float, title: str = "Handbook", page: int | None = None, path: str = "") -> Passage:
    return Passage(1, ID, ID, title, text, (path,) if path else (), page, 0, 1.0, similarity)


@pytest.mark.parametrize(
    ("text", "similarity", "version", "enough"),
    [
        ("Nothing alike.", 0.36, LOCAL, True),
        ("Nothing alike.", 0.34, LOCAL, False),
        ("Annual leave.", 0.21, LOCAL, True),
        ("Annual leave.", 0.19, LOCAL, False),
        ("Staff have so many days of annual leave.", 0.1, LOCAL, True),
        ("Nothing alike.", 0.21, OPENAI, True),
        ("Nothing alike.", 0.19, OPENAI, False),
        ("Annual leave.", 0.05, OPENAI, True),
        ("Nothing alike.", 0.01, "some-model", True),
        ("Nothing alike.", -0.1, "some-model", False),
        ("Nothing alike.", 0.0, LOCAL, True),
    ],
    ids=[
        "near", "far", "half the words", "half the words, far off", "all words", "openai near", "openai far",
        "openai words", "unknown model", "unknown model, opposite", "keywords only",
    ],
)  # fmt: skip
def test_what_is_enough(text: str, similarity: float, version: str, enough: bool) -> None:
    assert is_enough(QUESTION, [passage(text, similarity)], version) is enough


def test_nothing_is_never_enough() -> None:
    assert not is_enough(QUESTION, [], "some-model")


def test_a_threshold_that_is_set_stands_for_the_models_own() -> None:
    assert not is_enough(QUESTION, [passage("Nothing alike.", 0.6)], LOCAL, near=0.7)
    assert is_enough(QUESTION, [passage("Nothing alike.", 0.3)], LOCAL, near=0.25)


def test_the_local_model_is_not_trusted_about_other_languages() -> None:
    asked = "Wie viele Urlaubstage bekommen Angestellte?"
    assert not looks_english(asked)
    assert is_enough(asked, [passage("Nothing alike.", 0.16)], LOCAL)
    assert not is_enough(asked, [passage("Nothing alike.", 0.14)], LOCAL)


def test_words_of_title_and_headings_count() -> None:
    found = passage("25.", 0.1, title="Annual leave", path="Days for staff")
    assert share_of_words(QUESTION, found) == 1
    assert share_of_words("of the", found) == 0


def test_a_refusal_says_what_was_searched_and_shows_the_nearest_pages() -> None:
    pages = [passage("x", 0.1, page=3), passage("y", 0.1, page=3), passage("z", 0.1, title="Rules", path="Pay")]
    text = refusal("", Extent(("HR", "IT", "Sales"), 1200), pages)
    assert text == (
        f"{NOT_FOUND_TEXT}\n\nI searched 1,200 documents in HR, IT and Sales.\n\n"
        "The nearest pages, which may be about something else:\n\n- Handbook, page 3\n- Rules, Pay"
    )
    assert is_not_found(text, ())


def test_a_refusal_without_documents_says_so() -> None:
    assert refusal("", Extent(("HR",), 0), []) == f"{NOT_FOUND_TEXT}\n\nThere are no documents yet in HR."
    assert refusal("", Extent((), 0), []).endswith("There is no collection that you can search.")
    assert "1 document in HR." in refusal("", Extent(("HR",), 1), [])


def test_a_title_is_words_and_nothing_else() -> None:
    text = refusal("", Extent(("[x](https://evil.example)",), 1), [passage("x", 0.1, title="![i](//evil.example) <b>")])
    assert "\\[x\\](https://evil.example)" in text
    assert "\\!\\[i\\](//evil.example) \\<b\\>" in text
    assert plain_links(text).count("://") == 0
