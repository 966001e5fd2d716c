"""One contract for every vector index, then what only one of them promises.

The server side runs against QDRANT_URL when it is set, else against the client's own in-memory imitation of a server
(test ids say `imitation`): it has no HTTP, no HNSW and no payload indexes, and fails in its own words.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4, uuid5

import pytest
import qdrant_edge
from httpx import Headers
from qdrant_client import AsyncQdrantClient
from qdrant_client.http.exceptions import UnexpectedResponse

from knowledge.errors import IndexUnavailable
from knowledge.providers import qdrant_common as common
from knowledge.providers import qdrant_edge_shard as edge_module
from knowledge.providers.base import VectorIndex
from knowledge.providers.qdrant_edge import EdgeVectorIndex
from knowledge.providers.qdrant_layout import Layout
from knowledge.providers.qdrant_server import ServerVectorIndex
from knowledge.types import (
    EmbeddedChunk,
    Hits,
    KeywordQuery,
    Labels,
    Placement,
    SearchScope,
    SparseVector,
    VectorSpace,
)
from tenants.types import TenantKey

pytestmark = pytest.mark.filterwarnings("ignore:Payload indexes have no effect")

QDRANT_URL = os.environ.get("QDRANT_URL", "")
SERVER = "server" if QDRANT_URL else "imitation"
ROOT = Path(__file__).parents[3]
VERSION = "mini-v1"
HANDBOOK, MINUTES = UUID(int=1), UUID(int=2)
EVERYTHING = SearchScope((HANDBOOK, MINUTES))
NORTH, EAST, BETWEEN = [1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.8, 0.6, 0.0, 0.0]
WORD = SparseVector((7,), (1.0,))


def asking(terms: SparseVector, *collections: UUID) -> list[KeywordQuery]:
    return [KeywordQuery(terms, collections or EVERYTHING.collection_ids)]


ASKED = asking(WORD)

Index = EdgeVectorIndex | ServerVectorIndex


@dataclass(frozen=True)
class Pair:
    """Two organisations of one index, prepared."""

    acme: VectorSpace
    globex: VectorSpace


# -- material -------------------------------------------------------------------------------------


@pytest.fixture(params=["edge", SERVER])
async def index(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Index]:
    made: Index
    if request.param == "edge":
        made = EdgeVectorIndex(tmp_path / "vectors")
    elif QDRANT_URL:
        made = ServerVectorIndex(QDRANT_URL, os.environ.get("QDRANT_API_KEY", ""))
    else:
        made = ServerVectorIndex(client=AsyncQdrantClient(":memory:"))
    yield made
    await made.close()


def organisation(name: str) -> TenantKey:
    return TenantKey(uuid4(), f"{name}_{uuid4().hex[:8]}")


def space_of(tenant: TenantKey, placement: Placement = Placement.DEDICATED, version: str = VERSION) -> VectorSpace:
    return VectorSpace(tenant, version, 4, placement)


@pytest.fixture(params=list(Placement))
async def pair(request: pytest.FixtureRequest, index: Index) -> AsyncIterator[Pair]:
    acme, globex = (space_of(organisation(name), request.param) for name in ("acme", "globex"))
    for space in (acme, globex):
        await index.prepare(space)
    yield Pair(acme, globex)
    for space in (acme, globex):
        await index.drop(space.tenant)


def chunk(
    name: str,
    dense: Sequence[float] = NORTH,
    *,
    document: str = "a document",
    collection: UUID = HANDBOOK,
    sparse: SparseVector = WORD,
    tags: Sequence[str] = (),
    dated: date | None = None,
) -> EmbeddedChunk:
    document_id = uuid5(HANDBOOK, document)
    labels = Labels(collection, tuple(tags), dated)
    return EmbeddedChunk(uuid5(document_id, name), document_id, labels, tuple(dense), sparse)


def chunks(count: int, document: str = "long") -> list[EmbeddedChunk]:
    return [chunk(f"chunk {n}", [1.0, n / count, 0.0, 0.0], document=document) for n in range(count)]


async def found(index: Index, space: VectorSpace, scope: SearchScope = EVERYTHING) -> set[UUID]:
    hits = await index.search(space, dense=NORTH, keywords=ASKED, scope=scope, limit=1000)
    dense, sparse = ({hit.point_id for hit in ranked} for ranked in (hits.dense, hits.sparse))
    assert dense == sparse, "in these tests both lists see the same points"
    return dense


async def scanned(index: Index, space: VectorSpace, batch_size: int = 256) -> list[EmbeddedChunk]:
    return [each async for batch in index.scan(space, batch_size) for each in batch]


def ids(*each: EmbeddedChunk) -> set[UUID]:
    return {one.point_id for one in each}


# -- the contract ---------------------------------------------------------------------------------


async def test_finds_what_was_stored_best_first(index: Index, pair: Pair) -> None:
    near, middle, far = (
        chunk("near", NORTH),
        chunk("middle", BETWEEN),
        chunk("far", EAST, sparse=SparseVector((8,), (1.0,))),
    )
    await index.upsert(pair.acme, [far, middle, near])

    hits = await index.search(pair.acme, dense=NORTH, keywords=ASKED, scope=EVERYTHING, limit=2)

    assert [hit.point_id for hit in hits.dense] == [near.point_id, middle.point_id]
    assert [hit.score for hit in hits.dense] == pytest.approx([1.0, 0.8], abs=1e-5)
    assert {hit.point_id for hit in hits.sparse} == ids(near, middle)
    assert {hit.document_id for hit in hits.dense} == {near.document_id}


async def test_a_list_without_query_stays_empty(index: Index, pair: Pair) -> None:
    await index.upsert(pair.acme, [chunk("one")])

    dense_only = await index.search(pair.acme, dense=NORTH, keywords=(), scope=EVERYTHING, limit=5)
    sparse_only = await index.search(pair.acme, dense=None, keywords=ASKED, scope=EVERYTHING, limit=5)
    no_words = await index.search(
        pair.acme, dense=NORTH, keywords=asking(SparseVector((), ())), scope=EVERYTHING, limit=5
    )

    assert (len(dense_only.dense), len(dense_only.sparse)) == (1, 0)
    assert (len(sparse_only.dense), len(sparse_only.sparse)) == (0, 1)
    assert (len(no_words.dense), len(no_words.sparse)) == (1, 0)


async def test_a_chunk_without_words_is_kept(index: Index, pair: Pair) -> None:
    silent = chunk("§§§", sparse=SparseVector((), ()))

    await index.upsert(pair.acme, [silent])

    hits = await index.search(pair.acme, dense=NORTH, keywords=ASKED, scope=EVERYTHING, limit=5)
    assert ([hit.point_id for hit in hits.dense], hits.sparse) == ([silent.point_id], ())
    assert (await scanned(index, pair.acme))[0].sparse == SparseVector((), ())


async def test_repeating_an_upsert_changes_nothing(index: Index, pair: Pair) -> None:
    written = chunks(300)
    await index.upsert(pair.acme, written)
    await index.upsert(pair.acme, written)

    assert await index.count(pair.acme) == 300
    assert await index.point_ids(pair.acme) == ids(*written)


async def test_upsert_replaces_a_point(index: Index, pair: Pair) -> None:
    before = chunk("one", EAST, collection=HANDBOOK)
    after = replace(before, dense=tuple(NORTH), labels=Labels(MINUTES))
    await index.upsert(pair.acme, [before])
    await index.upsert(pair.acme, [after])

    assert await found(index, pair.acme, SearchScope((HANDBOOK,))) == set()
    assert await found(index, pair.acme, SearchScope((MINUTES,))) == ids(after)


async def test_scope_keeps_other_collections_out(index: Index, pair: Pair) -> None:
    rules, minutes = chunk("rules", collection=HANDBOOK), chunk("minutes", collection=MINUTES)
    await index.upsert(pair.acme, [rules, minutes])

    assert await found(index, pair.acme, SearchScope((HANDBOOK,))) == ids(rules)
    assert await found(index, pair.acme, SearchScope((MINUTES,))) == ids(minutes)
    assert await found(index, pair.acme, EVERYTHING) == ids(rules, minutes)
    assert await found(index, pair.acme, SearchScope((UUID(int=3),))) == set()


async def test_an_empty_scope_finds_nothing_and_asks_nobody(index: Index) -> None:
    nowhere = space_of(organisation("nowhere"))  # never prepared: asking the engine would raise

    assert await index.search(nowhere, dense=NORTH, keywords=ASKED, scope=SearchScope(()), limit=5) == Hits()


async def test_labels_narrow_a_search(index: Index, pair: Pair) -> None:
    old = chunk("old", document="old", tags=["travel"], dated=date(2023, 5, 1))
    new = chunk("new", document="new", tags=["travel", "board"], dated=date(2025, 5, 1))
    bare = chunk("bare", document="bare", collection=MINUTES)
    await index.upsert(pair.acme, [old, new, bare])
    await index.upsert(pair.globex, [replace(old, point_id=uuid4())])

    async def within(**narrowed: Any) -> set[UUID]:
        return await found(index, pair.acme, replace(EVERYTHING, **narrowed))

    assert await within() == ids(old, new, bare)
    assert await within(tags=("travel",)) == ids(old, new)
    assert await within(tags=("travel", "board")) == ids(new)
    assert await within(since=date(2025, 5, 1)) == ids(new)
    assert await within(until=date(2023, 5, 1)) == ids(old)
    assert await within(since=date(2023, 5, 2), until=date(2025, 4, 30)) == set()
    assert await within(document_ids=(old.document_id, bare.document_id)) == ids(old, bare)
    assert await within(document_ids=()) == set()
    assert await within(document_ids=(old.document_id,), tags=("board",)) == set()
    assert await within(collection_ids=(MINUTES,)) == ids(bare)


async def test_a_document_gets_other_labels(index: Index, pair: Pair) -> None:
    moved, other = chunk("moved", document="moved", tags=["old"]), chunk("other", document="other", tags=["old"])
    for space in (pair.acme, pair.globex):
        await index.upsert(space, [moved, other])

    await index.relabel(pair.acme, moved.document_id, Labels(MINUTES, ("new",), date(2025, 1, 1)))

    assert await found(index, pair.acme, SearchScope((MINUTES,), tags=("new",))) == ids(moved)
    assert await found(index, pair.acme, SearchScope((HANDBOOK,))) == ids(other)
    assert await found(index, pair.globex, SearchScope((HANDBOOK,), tags=("old",))) == ids(moved, other)
    kept = {each.point_id: each.labels for each in await scanned(index, pair.acme)}
    assert kept[moved.point_id] == Labels(MINUTES, ("new",), date(2025, 1, 1))


async def test_each_language_asks_its_own_collections(index: Index, pair: Pair) -> None:
    english = chunk("english", sparse=SparseVector((7,), (1.0,)))
    german = chunk("german", collection=MINUTES, sparse=SparseVector((8, 7), (2.0, 0.1)))
    await index.upsert(pair.acme, [english, german])
    asked = [*asking(SparseVector((7,), (1.0,)), HANDBOOK), *asking(SparseVector((8,), (1.0,)), MINUTES)]

    both = await index.search(pair.acme, dense=None, keywords=asked, scope=EVERYTHING, limit=5)
    one = await index.search(pair.acme, dense=None, keywords=asked, scope=SearchScope((HANDBOOK,)), limit=5)
    none = await index.search(pair.acme, dense=None, keywords=asked[1:], scope=SearchScope((HANDBOOK,)), limit=5)

    assert [hit.point_id for hit in both.sparse] == [german.point_id, english.point_id]
    assert [hit.score for hit in both.sparse] == sorted((hit.score for hit in both.sparse), reverse=True)
    assert {hit.point_id for hit in one.sparse} == ids(english)
    assert none == Hits()


async def test_says_which_points_are_there(index: Index, pair: Pair) -> None:
    stored, absent = chunks(3), uuid4()
    await index.upsert(pair.acme, stored)
    wanted = [*ids(*stored[:2]), absent]
    assert await index.existing(pair.acme, wanted) == ids(*stored[:2])
    assert await index.existing(pair.globex, wanted) == set()
    assert await index.existing(replace(pair.acme, version="never-made"), wanted) == set()


async def test_a_space_that_does_not_answer_can_be_forgotten(index: Index, pair: Pair) -> None:
    beside = replace(pair.acme, version="other-v1")
    theirs = replace(pair.globex, version="other-v1")
    for space in (beside, theirs):
        await index.prepare(space)
    for space in (pair.acme, beside, theirs):
        await index.upsert(space, chunks(2))
    await index.activate(pair.acme)
    if pair.acme.placement is Placement.DEDICATED:
        with pytest.raises(IndexUnavailable):
            await index.forget_space(pair.acme)

    await index.forget_space(beside)

    assert await index.point_ids(beside) == set()
    assert await index.point_ids(pair.acme) == await index.point_ids(theirs) == ids(*chunks(2))
    await index.forget_space(beside)  # a repeat is harmless


async def test_organisations_never_see_each_other(index: Index, pair: Pair) -> None:
    secret, public = chunk("the merger is secret"), chunk("opening hours", document="hours")
    await index.upsert(pair.acme, [secret])
    await index.upsert(pair.globex, [public])

    assert await found(index, pair.acme) == ids(secret)
    assert await found(index, pair.globex) == ids(public)
    assert await index.point_ids(pair.globex) == ids(public)
    assert await index.point_ids(pair.globex, secret.document_id) == set()
    assert await index.count(pair.globex) == 1
    assert [each.point_id for each in await scanned(index, pair.globex)] == [public.point_id]


async def test_organisations_never_touch_each_other(index: Index, pair: Pair) -> None:
    """Both hold the same document with the same ids, as after restoring a copy of an organisation."""
    same = chunks(3)
    await index.upsert(pair.acme, same)
    await index.upsert(pair.globex, same)

    await index.forget_points(pair.globex, [same[0].point_id])
    await index.forget_document(pair.globex, same[0].document_id)

    assert await found(index, pair.acme) == ids(*same)
    assert await found(index, pair.globex) == set()

    await index.upsert(pair.globex, same)
    await index.drop(pair.globex.tenant)
    assert await found(index, pair.acme) == ids(*same)
    assert await index.count(pair.globex) == 0


async def test_forgets_a_document(index: Index, pair: Pair) -> None:
    doomed, kept = chunks(5, "doomed"), chunks(2, "kept")
    await index.upsert(pair.acme, [*doomed, *kept])

    await index.forget_document(pair.acme, doomed[0].document_id)
    await index.forget_document(pair.acme, doomed[0].document_id)

    assert await found(index, pair.acme) == ids(*kept)
    assert await index.point_ids(pair.acme, doomed[0].document_id) == set()


async def test_forgets_points(index: Index, pair: Pair) -> None:
    written = chunks(4)
    await index.upsert(pair.acme, written)

    await index.forget_points(pair.acme, [written[0].point_id, written[1].point_id, uuid4()])
    await index.forget_points(pair.acme, [])

    assert await index.point_ids(pair.acme) == ids(*written[2:])
    assert await index.count(pair.acme) == 2


async def test_point_ids_of_one_document(index: Index, pair: Pair) -> None:
    first, second = chunks(3, "first"), chunks(4, "second")
    await index.upsert(pair.acme, [*first, *second])

    assert await index.point_ids(pair.acme, first[0].document_id) == ids(*first)
    assert await index.point_ids(pair.acme) == ids(*first, *second)


async def test_scan_gives_everything_back_in_batches(index: Index, pair: Pair) -> None:
    written = [replace(each, labels=Labels(MINUTES)) for each in chunks(25)]
    await index.upsert(pair.acme, written)

    batches = [batch async for batch in index.scan(pair.acme, 10)]

    assert [len(batch) for batch in batches] == [10, 10, 5]
    read = {each.point_id: each for batch in batches for each in batch}
    for each in written:
        copy = read[each.point_id]
        length = sum(value**2 for value in each.dense) ** 0.5
        assert list(copy.dense) == pytest.approx([value / length for value in each.dense], abs=1e-5)
        assert replace(copy, dense=each.dense) == each


async def test_moving_an_organisation_between_placements(index: Index, pair: Pair) -> None:
    written = chunks(12)
    await index.upsert(pair.acme, written)
    other = Placement.SHARED if pair.acme.placement is Placement.DEDICATED else Placement.DEDICATED
    target = replace(pair.acme, placement=other)

    await index.prepare(target)
    async for batch in index.scan(pair.acme, 5):
        await index.upsert(target, batch)

    assert await found(index, target) == ids(*written)
    assert await index.count(target) == 12


async def test_drop_removes_every_version_in_either_placement(index: Index, pair: Pair) -> None:
    tenant = pair.acme.tenant
    spaces = [space_of(tenant, placement, version) for placement in Placement for version in (VERSION, "mini-v2")]
    for space in spaces:
        await index.prepare(space)
        await index.upsert(space, chunks(2))
    await index.upsert(pair.globex, chunks(3))
    await index.activate(space_of(tenant))

    await index.drop(tenant)
    await index.drop(tenant)

    assert [await index.count(space) for space in spaces] == [0, 0, 0, 0]
    assert await index.active(tenant) is None
    assert await index.count(pair.globex) == 3


async def test_activate_switches_the_alias(index: Index) -> None:
    tenant, other = organisation("acme"), organisation("globex")
    old, new = space_of(tenant), space_of(tenant, version="mini-v2")
    for space in (old, new, space_of(other)):
        await index.prepare(space)

    assert await index.active(tenant) is None
    await index.activate(old)
    await index.activate(space_of(other))
    assert await index.active(tenant) == common.collection_name(old)
    await index.activate(new)
    await index.activate(new)
    assert await index.active(tenant) == common.collection_name(new)
    assert await index.active(other) == common.collection_name(space_of(other))

    await index.prepare(space_of(tenant, Placement.SHARED))
    await index.activate(space_of(tenant, Placement.SHARED))
    assert await index.active(tenant) is None

    for each in (tenant, other):
        await index.drop(each)


async def test_preparing_can_race_and_repeat(index: Index, pair: Pair) -> None:
    fresh = space_of(organisation("late"), pair.acme.placement, f"race-{uuid4().hex[:8]}")

    await asyncio.gather(*(index.prepare(fresh) for _ in range(8)))
    await index.upsert(fresh, chunks(3))
    await index.prepare(fresh)

    assert await index.count(fresh) == 3
    await index.drop(fresh.tenant)


async def test_other_dimensions_are_refused(index: Index, pair: Pair) -> None:
    wider = replace(pair.acme, dimensions=8)

    with pytest.raises(IndexUnavailable) as failure:
        await index.prepare(wider)

    assert "holds 4 dimensions, the embedding model makes 8" in failure.value.detail


async def test_what_was_never_prepared_is_empty_but_not_searchable(
    index: Index, request: pytest.FixtureRequest
) -> None:
    nowhere = space_of(organisation("nowhere"))

    assert await index.count(nowhere) == 0
    assert await index.point_ids(nowhere) == set()
    assert await scanned(index, nowhere) == []
    await index.forget_document(nowhere, uuid4())
    await index.forget_points(nowhere, [uuid4()])
    await index.drop(nowhere.tenant)
    if "imitation" in request.node.name:
        pytest.skip("the imitation raises ValueError where a server answers 404")
    with pytest.raises(IndexUnavailable, match="prepare it first"):
        await index.search(nowhere, dense=NORTH, keywords=(), scope=EVERYTHING, limit=5)
    with pytest.raises(IndexUnavailable, match="prepare it first"):
        await index.upsert(nowhere, chunks(1))


async def test_similar_names_stay_apart(index: Index) -> None:
    """No collection is another organisation's, an alias, or the shared one, however much the names look alike."""
    tag = f"t{uuid4().hex[:8]}"
    tenants = [TenantKey(uuid4(), name) for name in (tag, f"{tag}__{VERSION}", f"{tag}__b", f"{tag}_", "shared")]
    spaces = [space_of(tenant) for tenant in tenants]
    for n, space in enumerate(spaces):
        await index.prepare(space)
        await index.activate(space)
        await index.upsert(space, chunks(n + 1))
    assert [await index.count(space) for space in spaces] == [1, 2, 3, 4, 5]

    await index.drop(tenants[0])

    assert [await index.count(space) for space in spaces] == [0, 2, 3, 4, 5]
    for tenant in tenants:
        await index.drop(tenant)


@pytest.mark.parametrize("version", ["", "a__b", "a_b", "../x", "A", "-a", "a/b"])
async def test_a_version_that_is_no_slug_is_refused(index: Index, version: str) -> None:
    with pytest.raises(ValueError, match="embedding version"):
        await index.prepare(space_of(organisation("acme"), version=version))


@pytest.mark.parametrize("schema", ["../other", "a/b", "Acme", "a b", "a@", "x" * 64])
async def test_a_schema_that_could_escape_is_refused(index: Index, schema: str) -> None:
    with pytest.raises(ValueError, match="can't name a vector collection"):
        await index.prepare(space_of(TenantKey(uuid4(), schema)))


def test_every_schema_gets_its_own_names() -> None:
    schemas = ["a", "a_", "a__", "a__b", "a__b__c", "a_b", "_a", "__a", "shared", "shared_", "shared__b", "b", "a-b"]
    tenants = [TenantKey(uuid4(), schema) for schema in schemas]
    versions = ["b", "c", "b-c", "mini-v1"]

    names = [common.collection_name(space_of(tenant, version=version)) for tenant in tenants for version in versions]
    names += [common.alias_name(tenant) for tenant in tenants]
    names += [common.collection_name(space_of(tenants[0], Placement.SHARED, version)) for version in versions]

    assert len(set(names)) == len(names)
    for tenant in tenants:
        own = {common.collection_name(space_of(tenant, version=version)) for version in versions}
        assert set(common.dedicated_collections(tenant, names)) == own


# -- rarity of words ------------------------------------------------------------------------------

CORPUS = [
    "The office opens at nine and closes at six on weekdays.",
    "Annual leave is twenty five days; ask your manager before booking leave.",
    "Expenses are paid with the monthly salary when receipts are attached.",
    "The parental leave policy grants twenty weeks of paid leave to every parent.",
    "Visitors sign in at the office reception and wear a badge in the office.",
    "Salary reviews take place every April after the annual appraisal.",
]
QUESTIONS = ["parental leave", "office badge", "annual salary", "when is salary paid", "leave the office"]


def corpus_chunks(texts: Sequence[str]) -> list[EmbeddedChunk]:
    encoder = qdrant_edge.Bm25()
    terms = [encoder.embed_document(text) for text in texts]
    return [
        chunk(text, document=text, sparse=SparseVector(tuple(each.indices), tuple(each.values)))
        for text, each in zip(texts, terms, strict=True)
    ]


async def keyword_ranking(index: Index, space: VectorSpace, question: str) -> list[tuple[UUID, float]]:
    terms = qdrant_edge.Bm25().embed_query(question)
    query = SparseVector(tuple(terms.indices), tuple(terms.values))
    hits = await index.search(space, dense=None, keywords=asking(query), scope=EVERYTHING, limit=10)
    return [(hit.point_id, round(hit.score, 4)) for hit in hits.sparse]


async def test_words_are_weighed_as_in_an_index_of_their_own(index: Index, pair: Pair, tmp_path: Path) -> None:
    """Scores equal those of a fresh edge index that holds nothing else, whichever engine and whoever the neighbour."""
    reference, alone = EdgeVectorIndex(tmp_path / "reference"), space_of(organisation("alone"))
    await reference.prepare(alone)
    await reference.upsert(alone, corpus_chunks(CORPUS))
    await index.upsert(pair.acme, corpus_chunks(CORPUS))
    await index.upsert(pair.globex, corpus_chunks([f"Parental leave, note {n}." for n in range(30)]))

    for question in QUESTIONS:
        expected = await keyword_ranking(reference, alone, question)
        assert expected
        ranking = await keyword_ranking(index, pair.acme, question)
        assert [score for _, score in ranking] == pytest.approx([score for _, score in expected], rel=1e-3)
        assert dict(ranking) == pytest.approx(dict(expected), rel=1e-3)
    await reference.close()


# -- only the engine in process -------------------------------------------------------------------


@pytest.fixture
async def edge(tmp_path: Path) -> AsyncIterator[EdgeVectorIndex]:
    made = EdgeVectorIndex(tmp_path / "vectors")
    yield made
    await made.close()


@pytest.fixture
def acme() -> VectorSpace:
    return space_of(organisation("acme"))


async def reopened(index: EdgeVectorIndex, **options: Any) -> EdgeVectorIndex:
    await index.close()
    return EdgeVectorIndex(index.root, **options)


WRITER = """
import asyncio, os, sys
from pathlib import Path
from uuid import UUID
from knowledge.providers.qdrant_edge import EdgeVectorIndex
from knowledge.tests.providers.test_vector_index import chunks, space_of
from tenants.types import TenantKey

async def main():
    index = EdgeVectorIndex(Path(sys.argv[1]))
    for schema in ("acme", "globex"):
        space = space_of(TenantKey(UUID(int=5), schema))
        await index.prepare(space)
        await index.activate(space)
        await index.upsert(space, chunks(250))
    await index.forget_points(space, [chunks(250)[0].point_id])
    print("written", flush=True)
    sys.stdin.read()

asyncio.run(main())
"""


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that owns the folder, has just written to it, and waits."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path / "vectors")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert process.stdout
    assert process.stdout.readline() == "written\n"
    yield process
    process.kill()
    process.communicate()


async def test_what_was_written_survives_kill_9(writer: subprocess.Popen[str], edge: EdgeVectorIndex) -> None:
    writer.send_signal(signal.SIGKILL)
    writer.wait()

    acme, globex = (space_of(TenantKey(UUID(int=5), schema)) for schema in ("acme", "globex"))
    assert await edge.point_ids(acme) == ids(*chunks(250))
    assert await edge.point_ids(globex) == ids(*chunks(250)[1:])
    assert await found(edge, acme) == ids(*chunks(250))
    assert await edge.active(acme.tenant) == common.collection_name(acme)


async def test_a_second_process_is_told_what_to_do(
    writer: subprocess.Popen[str], edge: EdgeVectorIndex, acme: VectorSpace
) -> None:
    with pytest.raises(IndexUnavailable) as failure:
        await edge.prepare(acme)

    assert failure.value.text.startswith("Another Vena process is using the search index. Stop it, or set QDRANT_URL")
    assert failure.value.detail == f"{edge.root} is locked by process {writer.pid}"

    writer.kill()
    writer.wait()
    await edge.prepare(acme)


async def test_a_second_index_in_the_same_process_is_refused_too(edge: EdgeVectorIndex, acme: VectorSpace) -> None:
    await edge.prepare(acme)

    with pytest.raises(IndexUnavailable, match="locked by process"):
        await EdgeVectorIndex(edge.root).count(acme)


async def test_points_survive_closing(edge: EdgeVectorIndex, acme: VectorSpace) -> None:
    await edge.prepare(acme)
    await edge.upsert(acme, chunks(10))

    again = await reopened(edge)

    assert await found(again, acme) == ids(*chunks(10))
    await again.close()


async def test_a_closed_index_says_so(edge: EdgeVectorIndex, acme: VectorSpace) -> None:
    await edge.prepare(acme)
    await edge.close()
    await edge.close()

    with pytest.raises(IndexUnavailable, match="was closed"):
        await edge.count(acme)


@pytest.mark.parametrize("victim", ["current", "*/edge_config.json", "*/segments/*/segment.json", "*/wal/open-*"])
@pytest.mark.parametrize("damage", [b"", b"\x00garbage" * 64])
async def test_a_damaged_folder_is_named(edge: EdgeVectorIndex, acme: VectorSpace, victim: str, damage: bytes) -> None:
    globex = space_of(organisation("globex"))
    for space in (acme, globex):
        await edge.prepare(space)
        await edge.upsert(space, chunks(10))
    again = await reopened(edge)
    for file in (again.root / common.collection_name(acme)).glob(victim):
        file.write_bytes(damage)

    with pytest.raises(IndexUnavailable) as failure:
        await found(again, acme)

    assert str(again.root / common.collection_name(acme)) in failure.value.detail
    assert "remove it and re-index" in failure.value.detail
    assert await found(again, globex) == ids(*chunks(10))
    await again.drop(acme.tenant)
    await again.prepare(acme)
    assert await again.count(acme) == 0
    await again.close()


async def test_damaged_aliases_are_named(edge: EdgeVectorIndex, acme: VectorSpace) -> None:
    await edge.prepare(acme)
    (edge.root / "aliases.json").write_text("{")

    with pytest.raises(IndexUnavailable, match="aliases.json is damaged"):
        await edge.activate(acme)


async def test_other_dimensions_are_refused_by_every_call(edge: EdgeVectorIndex, acme: VectorSpace) -> None:
    await edge.prepare(acme)
    wider = replace(acme, dimensions=8)

    for call in (edge.count(wider), edge.upsert(wider, chunks(1)), edge.point_ids(wider)):
        with pytest.raises(IndexUnavailable, match="holds 4 dimensions"):
            await call


async def test_only_so_many_collections_stay_open(edge: EdgeVectorIndex) -> None:
    spaces = [space_of(organisation("org")) for _ in range(6)]
    for n, space in enumerate(spaces):
        await edge.prepare(space)
        await edge.upsert(space, chunks(n + 1))
    again = await reopened(edge, open_shards=2)

    async def ask(space: VectorSpace) -> int:
        return len((await again.search(space, dense=NORTH, keywords=(), scope=EVERYTHING, limit=50)).dense)

    for _ in range(5):
        assert await asyncio.gather(*map(ask, spaces)) == [1, 2, 3, 4, 5, 6]
    assert len(again._shards) <= 3
    await again.close()


async def test_writing_and_searching_at_once_from_several_loops(edge: EdgeVectorIndex, acme: VectorSpace) -> None:
    await edge.prepare(acme)
    await edge.upsert(acme, chunks(200))
    failures: list[BaseException] = []

    def work(number: int) -> None:
        async def main() -> None:
            for _ in range(10):
                await edge.upsert(acme, chunks(20, f"document {number}"))
                assert (
                    len((await edge.search(acme, dense=NORTH, keywords=ASKED, scope=EVERYTHING, limit=50)).dense) == 50
                )

        try:
            asyncio.run(main())
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        await asyncio.to_thread(thread.join)

    assert failures == []
    assert await edge.count(acme) == 280


async def test_dropping_waits_for_searches_and_leaves_nothing_behind(edge: EdgeVectorIndex, acme: VectorSpace) -> None:
    await edge.prepare(acme)
    await edge.upsert(acme, chunks(200))

    async def ask() -> str:
        try:
            return str(len((await edge.search(acme, dense=NORTH, keywords=(), scope=EVERYTHING, limit=5)).dense))
        except IndexUnavailable as error:
            return error.detail

    *answers, _ = await asyncio.gather(*(ask() for _ in range(20)), edge.drop(acme.tenant))

    assert {"5", f"collection {common.collection_name(acme)} does not exist; prepare it first"} >= set(answers)
    assert sorted(path.name for path in edge.root.iterdir()) == [".lock"]


async def test_what_a_crash_left_half_made_is_swept_up(edge: EdgeVectorIndex, acme: VectorSpace) -> None:
    await edge.prepare(acme)
    await edge.upsert(acme, chunks(5))
    again = await reopened(edge)
    current = (again.root / common.collection_name(acme) / "current").read_text()
    shutil.copytree(
        again.root / common.collection_name(acme) / current,
        again.root / common.collection_name(acme) / "half-optimised",
    )
    for name in (".building-1", ".removed-1"):
        (again.root / name).mkdir()

    assert await again.count(acme) == 5

    assert sorted(path.name for path in again.root.iterdir()) == [".lock", common.collection_name(acme)]
    assert sorted(path.name for path in (again.root / common.collection_name(acme)).iterdir()) == sorted(
        [current, "current"]
    )
    await again.close()


# -- optimising -----------------------------------------------------------------------------------


def wide_chunks(first: int, count: int) -> list[EmbeddedChunk]:
    """Enough bytes for the engine to build a graph: it leaves collections below 10 MB alone."""
    return [
        replace(
            chunk(f"wide {n}", document=f"document {n // 100}"),
            dense=tuple(((n * 31 + k * k * 7) % 97) / 97 for k in range(512)),
            sparse=SparseVector((n % 50, 100 + n % 7), (1.0, 0.5)),
        )
        for n in range(first, first + count)
    ]


def generation(index: EdgeVectorIndex, space: VectorSpace) -> str:
    return (index.root / common.collection_name(space) / "current").read_text()


async def until_idle(index: EdgeVectorIndex) -> None:
    async with asyncio.timeout(120):
        while any(shard.is_optimising for shard in index._shards.values()):
            await asyncio.sleep(0.05)


async def test_optimising_happens_beside_reading_and_writing(tmp_path: Path) -> None:
    index = EdgeVectorIndex(tmp_path / "vectors", optimise_after=6_000)
    space = replace(space_of(organisation("acme")), dimensions=512)
    await index.prepare(space)
    before = generation(index, space)
    await index.upsert(space, wide_chunks(0, 6_000))
    assert index._shards[common.collection_name(space)].is_optimising

    await index.upsert(space, wide_chunks(6_000, 200))
    await index.forget_document(space, wide_chunks(0, 1)[0].document_id)
    query = wide_chunks(3_000, 1)[0]
    hits = await index.search(space, dense=query.dense, keywords=asking(query.sparse), scope=EVERYTHING, limit=5)
    assert hits.dense[0].score == pytest.approx(1, abs=1e-4)
    assert index._shards[common.collection_name(space)].is_optimising, (
        "all of this happened while the copy was being optimised"
    )
    await until_idle(index)

    assert generation(index, space) != before
    assert len(list((index.root / common.collection_name(space)).iterdir())) == 2
    again = await reopened(index)
    assert await again.point_ids(space) == ids(*wide_chunks(100, 6_100))
    found_again = await again.search(space, dense=query.dense, keywords=asking(query.sparse), scope=EVERYTHING, limit=5)
    assert found_again.dense[0].score == pytest.approx(1, abs=1e-4)
    assert again._shards[common.collection_name(space)].unoptimised < 1_000
    await again.close()


@pytest.mark.parametrize("child", ["import sys; sys.exit(3)", "import os; os.kill(os.getpid(), 9)"])
async def test_a_failed_optimisation_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, child: str
) -> None:
    monkeypatch.setattr(edge_module, "_CHILD", child)
    caplog.set_level(logging.WARNING, logger=edge_module.__name__)
    edge_module.logger.addHandler(caplog.handler)  # whatever the settings do with log records
    index = EdgeVectorIndex(tmp_path / "vectors", optimise_after=50)
    space = space_of(organisation("acme"))
    await index.prepare(space)
    before = generation(index, space)

    await index.upsert(space, chunks(60))
    await until_idle(index)

    assert generation(index, space) == before
    assert await index.count(space) == 60
    edge_module.logger.removeHandler(caplog.handler)
    assert {record.message for record in caplog.records} == {"index.optimise_failed"}
    assert len(list((index.root / common.collection_name(space)).iterdir())) == 2
    await index.close()


@pytest.mark.parametrize("ending", ["close", "drop"])
async def test_an_optimisation_never_holds_up_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    monkeypatch.setattr(edge_module, "_CHILD", "import time; time.sleep(600)")
    index = EdgeVectorIndex(tmp_path / "vectors", optimise_after=50)
    space = space_of(organisation("acme"))
    await index.prepare(space)
    await index.upsert(space, chunks(60))
    await asyncio.sleep(0.3)

    async with asyncio.timeout(10):
        await (index.close() if ending == "close" else index.drop(space.tenant))

    again = index if ending == "drop" else EdgeVectorIndex(index.root)
    assert await again.count(space) == (0 if ending == "drop" else 60)
    await again.close()


# -- only the server ------------------------------------------------------------------------------


class Refusing(AsyncQdrantClient):
    """Answers every creation as a server does when somebody else was faster, or with another status."""

    def __init__(self, status: int) -> None:
        super().__init__(":memory:")
        self.status = status

    async def create_collection(self, *args: Any, **kwargs: Any) -> bool:
        await super().create_collection(*args, **kwargs)
        raise UnexpectedResponse(self.status, "no", json.dumps({"status": "no"}).encode(), Headers())


class Listening(AsyncQdrantClient):
    """Keeps what a collection was made with and what it was asked; the imitation itself ignores most of it."""

    def __init__(self) -> None:
        super().__init__(":memory:")
        self.made: dict[str, Any] = {}
        self.asked: list[Any] = []

    async def create_collection(self, *args: Any, **kwargs: Any) -> bool:
        self.made = kwargs
        return bool(await super().create_collection(*args, **kwargs))

    async def query_batch_points(self, collection_name: str, requests: Any, **kwargs: Any) -> Any:  # type: ignore[override]
        self.asked += requests
        return await super().query_batch_points(collection_name, requests, **kwargs)


async def test_a_cluster_keeps_a_collection_as_it_is_told(acme: VectorSpace) -> None:
    client = Listening()
    index = ServerVectorIndex(client=client, layout=Layout(shards=24, replicas=2, is_quantised=True))
    await index.prepare(acme)
    await index.upsert(acme, chunks(2))
    found = await index.search(acme, dense=NORTH, keywords=(), scope=EVERYTHING, limit=5)
    assert (client.made["shard_number"], client.made["replication_factor"]) == (24, 2)
    assert client.made["quantization_config"].scalar.always_ram
    assert client.made["vectors_config"][common.DENSE].on_disk
    assert client.asked[0].params.quantization.rescore
    assert len(found.dense) == 2


async def test_a_single_server_is_left_to_its_defaults(acme: VectorSpace) -> None:
    client = Listening()
    await ServerVectorIndex(client=client).prepare(acme)
    assert (client.made["shard_number"], client.made["quantization_config"]) == (None, None)
    assert client.made["vectors_config"][common.DENSE].on_disk is None


async def test_losing_the_race_to_create_is_fine(acme: VectorSpace) -> None:
    index = ServerVectorIndex(client=Refusing(409))

    await index.prepare(acme)
    await index.upsert(acme, chunks(2))

    assert await index.count(acme) == 2


async def test_a_server_that_fails_is_unavailable(acme: VectorSpace) -> None:
    with pytest.raises(IndexUnavailable, match="503") as failure:
        await ServerVectorIndex(client=Refusing(503)).prepare(acme)

    assert failure.value.retryable


async def test_a_missing_collection_is_named(acme: VectorSpace, monkeypatch: pytest.MonkeyPatch) -> None:
    index = ServerVectorIndex(client=AsyncQdrantClient(":memory:"))

    async def not_found(*args: Any) -> Any:
        raise UnexpectedResponse(404, "Not Found", b"{}", Headers())

    monkeypatch.setattr(index._client, "query_batch_points", not_found)

    with pytest.raises(IndexUnavailable, match=f"(?s)searching {common.collection_name(acme)}.*prepare it first"):
        await index.search(acme, dense=NORTH, keywords=(), scope=EVERYTHING, limit=5)


async def test_an_absent_server_is_unavailable_on_every_loop(acme: VectorSpace) -> None:
    index = ServerVectorIndex("http://127.0.0.1:9", timeout=2)
    raised: list[type[BaseException]] = []

    def elsewhere() -> None:
        async def main() -> None:
            with pytest.raises(IndexUnavailable) as failure:
                await index.count(acme)
            raised.append(failure.type)
            await index.close()

        asyncio.run(main())

    for call in (index.prepare(acme), index.count(acme), index.drop(acme.tenant), scanned(index, acme)):
        with pytest.raises(IndexUnavailable):
            await call
    await asyncio.to_thread(elsewhere)
    assert raised == [IndexUnavailable]
    await index.close()


def test_both_are_vector_indexes(tmp_path: Path) -> None:
    both: list[VectorIndex] = [EdgeVectorIndex(tmp_path), ServerVectorIndex("http://127.0.0.1:9")]

    assert len(both) == 2  # that they fit is for the type checker
    assert list(tmp_path.iterdir()) == []


async def test_both_lists_come_from_one_call(acme: VectorSpace, monkeypatch: pytest.MonkeyPatch) -> None:
    index = ServerVectorIndex(client=AsyncQdrantClient(":memory:"))
    await index.prepare(acme)
    calls: list[int] = []
    ask = index._client.query_batch_points

    async def counted(name: str, requests: Sequence[Any]) -> Any:
        calls.append(len(requests))
        return await ask(name, requests)

    monkeypatch.setattr(index._client, "query_batch_points", counted)
    await index.search(acme, dense=NORTH, keywords=ASKED, scope=EVERYTHING, limit=5)

    assert calls == [2]
