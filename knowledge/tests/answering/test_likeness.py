from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from django.conf import settings

from knowledge.answering.cache import stems_of
from knowledge.answering.likeness import agree, least_similarity, nearest
from knowledge.providers.loops import run_in_loop
from knowledge.providers.registry import embedder

NEAR_MISSES = [
    ("Which repositories DO require a CLA?", "Which repositories DO NOT require a CLA?"),
    ("Who signs the vendor contract?", "Who signs the customer contract?"),
    ("How do we use Lattice to request feedback?", "How do we use Lattice to give feedback?"),
    ("How many days of leave in 2024?", "How many days of leave in 2025?"),
    ("Can I take 2 weeks off?", "Can I take 3 weeks off?"),
    ("Can I take two weeks off?", "Can I take three weeks off?"),
    ("What is the hotel limit in Paris?", "What is the hotel limit in London?"),
    ("What do employees owe contractors?", "What do contractors owe employees?"),
    ("How do I get from London to Paris?", "How do I get from Paris to London?"),
    ("What happens before the review?", "What happens after the review?"),
    ("What is the minimum salary?", "What is the maximum salary?"),
    ("Is leave paid?", "Is leave unpaid?"),
    ("Can I work from home?", "Can't I work from home?"),
    ("Can I travel with a visa?", "Can I travel without a visa?"),
    ("When do reviews take place?", "Where do reviews take place?"),
    ("Who approves expenses?", "How are expenses approved?"),
    ('What does "leave" mean?', 'What does "sick leave" mean?'),
    ('What does "part" mean?', 'What does "whole" mean?'),
    ("Do we use C++ here?", "Do we use C# here?"),
    ("Do we use C++ here?", "Do we use C here?"),
    ("What is parental leave?", "What is leave?"),
    ("Must I book a hotel?", "Can I book a hotel?"),
    ("How do I enable two-factor login?", "How do I disable two-factor login?"),
    ("What is the policy of Acme?", "What is the policy of Globex?"),
    ("What does IT do?", "What does it do?"),
    ("Who do I call on Monday?", "Who do I call on Tuesday?"),
    ("Is the price 1.5 pounds?", "Is the price 15 pounds?"),
    ("What is release 2.1?", "What is release 2.10?"),
]


@pytest.mark.parametrize(("one", "other"), NEAR_MISSES, ids=[str(number) for number in range(len(NEAR_MISSES))])
def test_another_question_is_not_taken_for_the_same(one: str, other: str) -> None:
    assert not agree(one, other, stems_of)
    assert not agree(other, one, stems_of)


def test_a_good_part_of_simple_paraphrases_is_recognised() -> None:
    """The figures of docs/retrieval.md: 20 of 48. Fewer would mean that the guard has become stricter unnoticed."""
    with Path(settings.BASE_DIR, "bench", "similar_questions.csv").open() as file:
        pairs = [(row["question"], row["paraphrase"]) for row in csv.DictReader(file)]
    model = embedder("local")
    least = least_similarity(model.version)

    def is_hit(one: str, other: str) -> bool:
        if not agree(one, other, stems_of):
            return False
        vectors = [run_in_loop(model.embed_query(text))[0] for text in (one, other)]
        return nearest(vectors[0], np.asarray([vectors[1]], dtype=np.float16), least) == [0]

    assert len(pairs) >= 40
    assert sum(is_hit(*pair) for pair in pairs) == 20


def test_the_closest_come_first_and_distant_ones_not_at_all() -> None:
    vectors = np.asarray([[1, 0], [0.8, 0.6], [0, 1], [0.96, 0.28]], dtype=np.float16)
    assert nearest([1.0, 0.0], vectors, 0.9) == [0, 3]
    assert nearest([1.0, 0.0], vectors[:0], 0.9) == []


def test_a_model_that_was_not_measured_needs_more() -> None:
    assert least_similarity("unheard-of") > least_similarity(embedder("local").version)
