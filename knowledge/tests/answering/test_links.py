"""Nothing in an answer leads elsewhere: shown by a Markdown parser, over texts made of everything that may."""

from __future__ import annotations

import re
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from knowledge.answering.links import LinkFilter, plain_links, targets_of
from knowledge.answering.shown import Shown
from knowledge.types import Passage

ID = UUID(int=7)
OURS = f"/documents/{ID}/"
PAGE = "https://www.example.org/leave"
ALLOWED = frozenset({OURS, PAGE})

PIECES = (
    "[|]|(|)|](|](evil)|[x](http://e.x/q)|![|!|<|<b>|<a href=x>|>|a|b|[r]: /u|]: |[r]|[1]|[9]|http://|https:/|/|www."
    "|www|.|<http://e.x>|javascript:x|#|# |---|*|_|&#91;|mailto:|<!--|-->|[a](/documents/x/)|:| |\n|\n\n"
).split("|")
CODE = ["`", "``", "```", "~~~", "|", "| - |", "|-|-|", "\\", "\n    ", "\n  ", "  ", "    ", "\t", "- ", "1. ", "> "]
FENCES = ["\n```\n", "\n```py\n", "\n~~~\n", "\r"]
TEXTS = st.lists(st.sampled_from([*PIECES, *CODE, *FENCES]), max_size=24).map("".join)
WITHOUT_CODE = st.lists(st.sampled_from(PIECES), max_size=16).map("".join)
ADDRESS = re.compile(r"https?://|www\.|mailto:", re.IGNORECASE)
MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable("table")


def leads(text: str) -> list[str]:
    """Every link, image, tag and address that a reader of the Markdown would make of it."""
    found: list[str] = []
    for block in MARKDOWN.parse(text):
        if block.type == "html_block":
            found.append(block.content)
        for token in block.children or []:
            if token.type in ("image", "html_inline"):
                found.append(token.type)
            if token.type == "link_open":
                found.append(str(token.attrs["href"]))
        if block.type == "inline":
            code = " ".join(token.content for token in block.children or [] if token.type == "code_inline").lower()
            found += [address for address in ADDRESS.findall(block.content) if address.lower() not in code]
    return found


@settings(max_examples=120)
@given(TEXTS)
def test_no_text_leads_anywhere_but_to_what_is_allowed(text: str) -> None:
    assert set(leads(plain_links(text, ["/documents/x/"]))) <= {"/documents/x/"}


@settings(max_examples=120)
@given(TEXTS, st.lists(st.integers(1, 5), min_size=1, max_size=20))
def test_where_the_text_is_cut_changes_nothing(text: str, cuts: list[int]) -> None:
    links, shown, position = LinkFilter(["/documents/x/"]), "", 0
    while position < len(text):
        length = cuts[position % len(cuts)]
        shown += links.feed(text[position : position + length])
        position += length
    assert shown + links.flush() == plain_links(text, ["/documents/x/"])


@settings(max_examples=100)
@given(WITHOUT_CODE)
def test_after_both_filters_no_link_and_no_number_that_was_not_offered(text: str) -> None:
    shown = Shown(2, ["/documents/x/"])
    joined = "".join(shown.feed(character) for character in text) + shown.flush()
    assert joined == shown.text
    assert set(leads(joined)) <= {"/documents/x/"}
    assert not re.search(r"\[9\](?!\\?\()", joined)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("See [the rules](https://evil.example/?q=1).", "See the rules."),
        ("See [a [b] c](//evil.example).", "See a [b] c."),
        ("![chart](https://evil.example/p.png) here", " here"),
        ("[![x](https://evil.example/p.png)](https://evil.example)", ""),
        ("<https://evil.example/a>", r"&lt;https:/\/evil.example/a>"),
        ("at https://evil.example/a?b=c.", r"at https:/\/evil.example/a?b=c."),
        ("at www.evil.example", r"at www\.evil.example"),
        ("a <img src=x onerror=y> b", "a &lt;img src=x onerror=y> b"),
        ("[r]: https://evil.example\n\n[r]", "\\[r]: https:/\\/evil.example\n\n[r]"),
        ("[1]: https://evil.example", r"[1]\: https:/\/evil.example"),
        ("[click](javascript:alert(1))", "click"),
        ("[click](data:text/html,x)", "click"),
        (f"[page 3]({OURS}?version=2&chunk=4)", f"[page 3]({OURS}?version=2&chunk=4)"),
        (f"[page]({OURS}../../accounts/logout/)", "page"),
        ("[other](/documents/00000000-0000-0000-0000-000000000009/)", "other"),
        ("[out](/accounts/logout/)", "out"),
        (f"[the page]({PAGE}#top)", f"[the page]({PAGE}#top)"),
        (f"[the page]({PAGE}?stolen=words)", "the page"),
        (f"at {PAGE}.", f"at {PAGE}."),
        (f"at {PAGE}/more", "at https:/\\/www\\.example.org/leave/more"),
        ("[[9](https://evil.example)]", "[(9)]"),
        ("a < b, 3 <4 and x[1](2)", "a < b, 3 <4 and x(1)"),
        ("Staff get 25 days [1][2]. See [appendix].", "Staff get 25 days [1][2]. See [appendix]."),
    ],
)
def test_examples(text: str, shown: str) -> None:
    assert plain_links(text, ALLOWED) == shown


@pytest.mark.parametrize(
    "text",
    [
        "```html\n<a href='https://x.example'>[a](https://x.example)</a>\n```\n",
        "1. Run:\n\n   ```bash\n   curl https://x.example/[a](b)\n   ```\n\n2. Done.",
        "Use `<div>` or `[a](https://x.example)`.",
        "> ~~~\n> <b>\n> ~~~\n",
        "    <indented>\n",
        "~~~py\nx = a[1](2)\n\n```\n<b>\n~~~\n",
    ],
    ids=["fence", "list", "span", "quotation", "indented", "tilde"],
)
def test_code_stays_as_it_is(text: str) -> None:
    assert plain_links(text) == text


@pytest.mark.parametrize(
    "text",
    ["> ```\n[x](https://evil.example)", "- ```\n[x](https://evil.example)", "a `\n`[x](https://evil.example)`"],
    ids=["quotation", "list", "lines"],
)
def test_what_only_looks_like_code_is_text(text: str) -> None:
    assert leads(plain_links(text)) == []


def test_only_what_may_become_a_link_is_held_back() -> None:
    links = LinkFilter()
    assert links.feed("Staff get 25 days") == "Staff get 25 days"
    assert links.feed(" [1") == " "
    assert links.feed("]") == ""
    assert links.feed(" a year, see [") == "[1] a year, see "
    assert links.feed("this](https://e") == ""
    assert links.feed("vil.example) page") == "this page"
    assert links.feed(" [" + "x" * 400) == " [" + "x" * 400
    assert links.flush() == ""


def test_an_answer_may_lead_to_its_documents_and_the_pages_they_came_from() -> None:
    passage = Passage(1, ID, ID, "t", "x", (), None, 0, 1.0, 0.5, source_url=PAGE)
    assert targets_of([passage]) == ALLOWED
