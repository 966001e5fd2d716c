from __future__ import annotations

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from knowledge.retrieval.composing import Candidate, FoundChunk, fold, merge, numbered, reordered, trim
from knowledge.types import Box

WORDS = "the quick brown fox jumps over the lazy dog while seven wizards brew quiet potions near an old stone bridge"


def candidate(
    document: int, position: int, text: str = "", score: float = 0.5, version: int = 1, **values: object
) -> Candidate:
    point = UUID(int=document * 1000 + position)
    chunk = FoundChunk(
        point_id=point,
        chunk_id=point,
        document_id=UUID(int=document),
        title=f"Document {document}",
        text=text or f"text {document} number {position}",
        position=position,
        version_id=UUID(int=version),
        **values,  # type: ignore[arg-type]
    )
    return Candidate(chunk, score=score, similarity=score, fused=score)


def places(groups: list) -> list[list[int]]:  # type: ignore[type-arg]
    return [[member.chunk.position for member in group.members] for group in groups]


def test_the_same_text_elsewhere_is_folded_and_remembered() -> None:
    kept = fold([candidate(1, 5, WORDS), candidate(2, 7, WORDS), candidate(3, 1, WORDS + "!"), candidate(4, 1)], most=9)
    assert [each.chunk.document_id.int for each in kept] == [1, 4]
    passage = numbered(merge(kept))[0]
    assert passage.also_in == (UUID(int=2), UUID(int=3))


def test_a_text_with_a_difference_that_matters_stays() -> None:
    longer = f"{WORDS} and this sentence is only in the second one of both texts"
    assert len(fold([candidate(1, 5, WORDS), candidate(2, 5, longer)], most=9)) == 2


def test_neighbours_that_share_a_header_are_not_folded() -> None:
    rows = " ".join(f"{WORDS} {number}" for number in range(6))
    assert len(fold([candidate(1, 5, rows), candidate(1, 6, rows + " last")], most=9)) == 2


def test_neighbours_merge_at_the_rank_of_the_better() -> None:
    ranked = [candidate(1, 5), candidate(2, 1), candidate(1, 4), candidate(3, 9), candidate(1, 6)]
    groups = merge(ranked)
    assert places(groups) == [[4, 5, 6], [1], [9]]
    assert groups[0].best.chunk.position == 5


def test_a_gap_between_two_groups_is_closed() -> None:
    assert places(merge([candidate(1, 1), candidate(1, 3), candidate(1, 2)])) == [[1, 2, 3]]


def test_versions_and_documents_do_not_merge() -> None:
    assert len(merge([candidate(1, 1), candidate(2, 2)])) == 2
    assert len(merge([candidate(1, 1), candidate(1, 2, version=2)])) == 2


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(0, 12)), unique=True, max_size=30), st.integers(1, 5))
def test_merging_loses_nothing_doubles_nothing_and_keeps_its_bound(found: list[tuple[int, int]], longest: int) -> None:
    ranked = [candidate(document, position) for document, position in found]
    groups = merge(ranked, longest=longest)
    members = [(member.chunk.document_id.int, member.chunk.position) for group in groups for member in group.members]
    assert sorted(members) == sorted(found)
    for group in groups:
        positions = [member.chunk.position for member in group.members]
        assert positions == list(range(positions[0], positions[0] + len(positions)))
        assert len(positions) <= longest
        assert group.best in group.members
    ranks = [ranked.index(group.best) for group in groups]
    assert ranks == sorted(ranks)


def test_a_merged_passage_says_where_all_of_it_is() -> None:
    one = candidate(1, 4, page=2, last_page=2, place="lines 1-20", boxes=(Box(2, 0, 0, 9, 9),), heading_path=("A", "B"))
    two = candidate(1, 5, score=0.9, page=2, last_page=3, place="lines 21-40", boxes=(Box(3, 0, 0, 9, 9),))
    passage = numbered(merge([two, one]))[0]
    assert (passage.n, passage.position, passage.last_position) == (1, 4, 5)
    assert (passage.page, passage.last_page) == (2, 3)
    assert passage.place == "lines 1-20; lines 21-40"
    assert [box.page for box in passage.boxes] == [2, 3]
    assert passage.text == f"{one.chunk.text}\n\n{two.chunk.text}"
    assert passage.chunk_id == two.chunk.chunk_id
    assert passage.score == 0.9
    assert passage.heading_path == ()


def test_budget_and_limit() -> None:
    long, short = "word " * 400, "word " * 40  # 500 and 50 tokens
    groups = merge([candidate(1, 1, long), candidate(2, 1, long), candidate(3, 1, short), candidate(4, 1, short)])
    kept = trim(groups, limit=6, token_budget=600)
    assert [group.best.chunk.document_id.int for group in kept] == [1, 3, 4]
    assert len(trim(groups, limit=2, token_budget=10_000)) == 2
    assert len(trim(groups, limit=6, token_budget=1)) == 1


def test_the_second_order_wins_and_the_rest_follows() -> None:
    head, tail = [candidate(1, 1), candidate(2, 1)], [candidate(3, 1, score=0.4)]
    ranked = reordered(head, tail, [0.2, 0.8])
    assert [each.chunk.document_id.int for each in ranked] == [2, 1, 3]
    assert ranked[1].score > ranked[2].score


def test_a_passage_stays_on_its_page() -> None:
    ranked = [candidate(1, 1, page=1), candidate(1, 2, page=2), candidate(1, 3, page=2)]
    assert places(merge(ranked)) == [[1], [2, 3]]
    assert [passage.page for passage in numbered(merge(ranked))] == [1, 2]
