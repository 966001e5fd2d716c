"""From the pipeline's spans to stored citations, frames and pages."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from chat.citing import LEAD, SNIPPET, page_at, passage_frame, quotes_of, snippet_of
from chat.models import Citation, Message
from chat.replay import stored_frames
from chat.selectors import conversation_for_page
from chat.tests.conftest import Ready
from chat.tests.sockets import connected
from knowledge.models import Chunk
from knowledge.providers.scripted import ScriptedChatModel
from knowledge.types import Box, Passage, Support
from tenants.context import in_tenant
from tenants.models import Organisation

NOWHERE = UUID(int=0)
TEXT = "Staff get 25 days.\n\nUnused days expire."


def passage(text: str = TEXT, **facts: Any) -> Passage:
    return Passage(1, NOWHERE, NOWHERE, "Leave", text, (), facts.pop("page", 4), 7, 1.0, 1.0, **facts)


def test_a_quote_is_placed_in_the_document() -> None:
    (quote,) = quotes_of(passage(char_start=100), [Support(1, 0, 22, 20, 40, 0.9), Support(2, 0, 22, 0, 3, 1.0)])
    assert quote.frame == {
        "start": 0,
        "end": 22,
        "quote": "Unused days expire.",
        "quote_start": 120,
        "quote_end": 140,
        "page": 4,
        "support": 0.9,
    }


def test_without_a_quote_there_is_no_place() -> None:
    (quote,) = quotes_of(passage(char_start=100), [Support(1, 0, 22, None, None, 0.0)])
    assert (quote.text, quote.text_start, quote.page, quote.support) == ("", None, None, 0.0)
    (unplaced,) = quotes_of(passage(), [Support(1, 0, 22, 0, 5, 1.0)])
    assert (unplaced.text, unplaced.text_start) == ("Staff", None)


@pytest.mark.parametrize(("position", "page"), [(0, 4), (60, 4), (90, 5)], ids=["start", "before the end", "behind it"])
def test_a_chunk_over_two_pages_is_divided_as_its_boxes_are(position: int, page: int) -> None:
    boxes = (Box(4, 0, 700, 100, 775), Box(5, 0, 50, 100, 75))
    assert page_at(passage("x" * 100, last_page=5, boxes=boxes), position) == page


def test_a_snippet_holds_its_best_quote() -> None:
    text = "Nothing of interest here. " * 200 + "Unused days expire in March. " + "More of the same. " * 200
    start = text.index("Unused")
    quotes = quotes_of(passage(text), [Support(1, 0, 9, 0, 7, 0.5), Support(1, 9, 20, start, start + 28, 0.9)])
    snippet = snippet_of(text, quotes)
    assert "Unused days expire in March." in snippet[: LEAD + 40]
    assert len(snippet) == SNIPPET
    assert snippet_of(text) == text[:SNIPPET]
    assert snippet_of(TEXT, quotes) == TEXT


def test_only_a_cited_passage_has_quotes() -> None:
    assert "quotes" not in passage_frame(passage())
    assert passage_frame(passage(), [])["quotes"] == []


# -- the whole way ---------------------------------------------------------------------------------

ANSWER = "Staff get 25 days of annual leave [1]. Unused days are paid out in gold and silver [1]."


def stored(organisation: Organisation, answer: str) -> dict[str, Any]:
    """What the database, the page and a replay have of an answer. Inside the schema."""
    message = Message.objects.get(pk=answer)
    rows = list(Citation.objects.filter(source__message=message).select_related("source"))
    page = conversation_for_page(message.conversation)["messages"][-1]
    frames = stored_frames(message.conversation.member, message.pk, 0)
    plain = "\n\n".join(Chunk.objects.order_by("position").values_list("text", flat=True))
    return {"rows": rows, "page": page, "replay": frames[-1], "plain": plain}


async def test_what_bears_a_sentence_out_is_stored_told_and_told_again(
    live_acme: Organisation, live_globex: Organisation, ready: Ready, scripted: ScriptedChatModel
) -> None:
    _, key = await ready(live_acme)
    await ready(live_globex)
    scripted.enqueue(ANSWER)
    async with connected(live_acme, key=key) as socket:
        accepted = await socket.ask("How many days of leave do I get?")
        done = (await socket.until_done())[-1]
    kept = await in_tenant(live_acme.schema_name, stored, live_acme, accepted["answer"])

    first, second = kept["rows"]
    assert "25 days of annual leave" in first.quote
    assert kept["plain"][first.quote_start : first.quote_end] == first.quote
    assert done["text"][first.start : first.end] == "Staff get 25 days of annual leave [1]."
    assert (second.quote, second.quote_start, second.support) == ("", None, 0)
    assert (first.source.n, second.source.n) == (1, 1)

    (citation,) = done["citations"]
    assert [quote["quote"] for quote in citation["quotes"]] == [first.quote, ""]
    assert kept["replay"]["citations"] == done["citations"]
    (shown,) = [source for source in kept["page"]["sources"] if source["cited"]]
    assert shown["quotes"] == citation["quotes"]
    assert all("quotes" not in source for source in kept["page"]["sources"] if not source["cited"])
    assert await in_tenant(live_globex.schema_name, Citation.objects.count) == 0
