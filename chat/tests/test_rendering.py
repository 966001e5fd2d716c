from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.rendering import answer_html

SOURCES = [
    {"n": 1, "title": "Leave <policy>", "page": 4, "url": "/documents/1/?version=2&chunk=7"},
    {"n": 2, "title": "Handbook", "page": None, "url": "/documents/2/?chunk=0"},
]
TAGS = {
    *("a blockquote br code del div em h1 h2 h3 h4 h5 h6 hr li ol p pre s span strong".split()),
    *("table tbody td th thead tr ul".split()),
}
ATTRIBUTES = {"aria-label", "class", "data-n", "href", "start", "tabindex", "title"}


class Seen(HTMLParser):
    """What a browser would make of it."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def links(self) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.tags if tag == "a"]


def seen(text: str, sources: list[dict[str, Any]] = SOURCES) -> Seen:
    return Seen(answer_html(text, sources))


def test_offered_numbers_are_links_to_their_documents() -> None:
    found = seen("Leave grows [1], and expires [2, 1].")
    assert [(link["data-n"], link["href"]) for link in found.links()] == [
        ("1", "/documents/1/?version=2&chunk=7"),
        ("2", "/documents/2/?chunk=0"),
        ("1", "/documents/1/?version=2&chunk=7"),
    ]
    assert found.links()[0]["aria-label"] == "Source 1: Leave <policy>, page 4"
    assert found.text.strip() == "Leave grows 1, and expires 21."


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("take list[9] first", "take list[9] first"),
        ("both [9][1].", "both [9]1."),
        ("`code[1]` stays", "code[1] stays"),
        ("[text [1]](/documents/1/)", "text [1]"),
    ],
    ids=["never offered", "half offered", "code", "inside a link"],
)
def test_what_is_no_citation_stays_text(text: str, shown: str) -> None:
    assert seen(text).text.strip() == shown


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/x",
        "//evil.example/x",
        "javascript:alert(1)",
        "data:text/html,x",
        "relative",
        "mailto:a@b.example",
    ],
)
def test_a_link_to_elsewhere_becomes_its_words(address: str) -> None:
    found = seen(f"See [the **page**]({address}) and <{address}>.")
    assert found.links() == []
    assert "the page" in found.text


def test_a_link_within_the_site_stays() -> None:
    assert [link["href"] for link in seen("See [it](/documents/?collection=1).").links()] == [
        "/documents/?collection=1"
    ]


def test_no_markup_of_the_answer_is_markup_of_the_page() -> None:
    found = seen("<script>alert(1)</script> <img src=x onerror=y> ![a picture](https://evil.example/p.png)")
    assert {tag for tag, _ in found.tags} == {"p"}
    assert "a picture" in found.text
    assert "<img src=x onerror=y>" in found.text


def test_code_and_tables_scroll_in_boxes_of_their_own() -> None:
    markup = answer_html("```py\na < b\n```\n\n| a | b |\n|---|--:|\n| 1 | 2 |", [])
    assert '<div class="code-head"><span>py</span></div><pre tabindex="0"><code class="hljs">a &lt; b\n' in markup
    assert '<div class="table-scroll" tabindex="0"><table>' in markup
    assert '<td class="align-right">2</td>' in markup
    assert "style=" not in markup


MARKDOWN = st.lists(
    st.sampled_from(
        ["[1]", "[2, 9]", "[a](/x)", "[a](https://e.example)", "![i](//e)", "<b onclick=x>", "**", "`", "```\n", "\n"]
        + ["| a |\n|--|\n", "> ", "- ", "<javascript:x>", '"', "&lt;", "[r]: https://e.example\n", "[r]"]
    )
    | st.text(max_size=8),
    max_size=20,
).map("".join)


@given(MARKDOWN)
def test_nothing_but_plain_elements_comes_out(text: str) -> None:
    found = seen(text)
    for tag, attributes in found.tags:
        assert tag in TAGS
        assert set(attributes) <= ATTRIBUTES
    for link in found.links():
        assert re.match(r"/(?![/\\])", link["href"] or "")
