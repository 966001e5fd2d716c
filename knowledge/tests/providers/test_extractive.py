from __future__ import annotations

import asyncio
import time
from uuid import UUID

import pytest

from knowledge.providers.extractive import (
    LEAD,
    MOST_QUOTES,
    NOT_FOUND_TEXT,
    ExtractiveChatModel,
    answer,
    sentences_of,
    stem,
)
from knowledge.types import ModelUsage, Passage, Prompt, Role, Turn

ID = UUID(int=1)
LEAVE = (
    "Full-time staff get 25 days of annual leave a year, plus public holidays. Leave is requested in the portal. "
    "Unused days expire at the end of March. The office has a coffee machine."
)
REMOTE = "Staff may work from home two days a week. Dr. Smith approves exceptions, e.g. for carers."
EXPENSES = """Expenses are paid back monthly. To claim expenses:

1. Open the finance portal and choose "New claim".
2. Attach the receipt.
3. Submit it before the 20th.

| Meal | Limit |
|------|-------|
| Breakfast | £10 |
| Dinner | £35 |

```sh
claim --submit receipt.pdf
```"""


def passage(
    n: int, text: str, *, title: str = "Handbook", path: tuple[str, ...] = (), similarity: float = 0.3
) -> Passage:
    return Passage(n, ID, ID, title, text, path, None, position=0, score=1 / n, similarity=similarity)


PASSAGES = (passage(1, LEAVE), passage(2, REMOTE), passage(3, EXPENSES))


def quotes(question: str, *passages: Passage) -> str:
    text = answer(question, passages or PASSAGES)
    return text.removeprefix(LEAD).strip()


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("How many days of annual leave do staff get?", "25 days of annual leave a year, plus public holidays. [1]"),
        ("When do unused days expire?", "Unused days expire at the end of March. [1]"),
        ("Where do I request leave?", "Leave is requested in the portal. [1]"),
        ("Who approves exceptions for working from home?", "Dr. Smith approves exceptions, e.g. for carers. [2]"),
        ("What is the limit for dinner?", "| Meal | Limit |\n|------|-------|\n| Dinner | £35 |\n\n[3]"),
        ("How do I claim expenses?", '- Open the finance portal and choose "New claim". [3]'),
    ],
)
def test_quotes_the_sentence_that_answers(question: str, expected: str) -> None:
    text = answer(question, PASSAGES)
    assert text.startswith(LEAD)
    assert expected in text


def test_rows_of_one_table_share_its_head() -> None:
    text = quotes("What are the limits for breakfast and dinner?")
    assert text.count("| Meal | Limit |") == 1
    assert "| Breakfast | £10 |\n| Dinner | £35 |\n\n[3]" in text


def test_code_stays_a_block() -> None:
    assert "```sh\nclaim --submit receipt.pdf\n```\n\n[3]" in quotes("claim submit receipt command?")


def test_an_faq_answers_with_the_sentence_behind_the_question() -> None:
    text = quotes(
        "Can I bring my dog to work?", passage(1, "Can I bring my dog? Only on Fridays. Is there parking? Yes.")
    )
    assert text.startswith("Only on Fridays. [1]")


def test_heading_counts_as_context() -> None:
    section = passage(1, "It is 12 weeks at full pay.", path=("Parental leave", "Duration"))
    assert quotes("How long is parental leave?", section) == "It is 12 weeks at full pay. [1]"


@pytest.mark.parametrize(
    "question",
    ["What is the boiling point of tungsten?", "Who won the cup in 1998?", "How do I change a car tyre?", "?", ""],
)
def test_says_that_nothing_fits(question: str) -> None:
    assert answer(question, PASSAGES) == NOT_FOUND_TEXT


def test_says_so_without_passages() -> None:
    assert answer("How many days?", ()) == NOT_FOUND_TEXT


def test_no_duplicates_and_a_limit() -> None:
    text = quotes("How many days of annual leave?", *(passage(n, LEAVE) for n in range(1, 7)))
    assert text.count("25 days of annual leave") == 1
    many = passage(1, " ".join(f"Rule {n} on leave concerns team {n * 7} in building {n * 13}." for n in range(30)))
    assert quotes("What are the rules on leave?", many).count("[1]") <= MOST_QUOTES


def test_marks_of_the_source_are_not_taken_for_ours() -> None:
    assert quotes("What lowers drag?", passage(1, "Suction lowers drag [12, 13] on wings.")) == (
        "Suction lowers drag on wings. [1]"
    )


def test_sentences_end_where_they_end() -> None:
    text = "Ask Dr. Smith, e.g. by mail. It costs £2.50 a day. Version 3.11 is out! Really? Yes."
    assert list(sentences_of(text)) == [
        "Ask Dr. Smith, e.g. by mail.",
        "It costs £2.50 a day.",
        "Version 3.11 is out!",
        "Really?",
        "Yes.",
    ]


@pytest.mark.parametrize(
    ("one", "other"), [("policies", "policy"), ("requested", "requests"), ("booking", "booked"), ("expire", "expires")]
)
def test_stems(one: str, other: str) -> None:
    assert stem(one) == stem(other)


async def test_streams_in_pieces_with_usage_at_the_end() -> None:
    question = "How many days of annual leave do staff get?"
    prompt = Prompt("s", (Turn(Role.USER, question),), question, PASSAGES)
    pieces = [piece async for piece in ExtractiveChatModel().stream(prompt)]
    texts = [piece for piece in pieces if isinstance(piece, str)]
    assert "".join(texts) == answer(question, PASSAGES)
    assert len(texts) > 5
    usage = pieces[-1]
    assert isinstance(usage, ModelUsage)
    assert (usage.provider, usage.model, usage.estimated) == ("local", "extractive", False)
    assert usage.output_tokens > 0


async def test_can_be_stopped() -> None:
    question = "How many days of annual leave do staff get?"
    prompt = Prompt("s", (Turn(Role.USER, question),), question, PASSAGES)
    read: list[object] = []

    async def run() -> None:
        async for piece in ExtractiveChatModel(pace=0.02).stream(prompt):
            read.append(piece)

    task = asyncio.create_task(run())
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert 0 < len(read) < 6


def test_hostile_text_takes_no_time() -> None:
    started = time.perf_counter()
    answer("How many days of leave?", [passage(1, "a. " * 5000), passage(2, "|" * 20_000), passage(3, "[1," * 5000)])
    assert time.perf_counter() - started < 3
