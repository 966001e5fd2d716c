"""The stores behind the doors: index, files, cache, database, tasks; and traces of one organisation in another."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from django.core.cache import cache
from django.core.exceptions import SuspiciousFileOperation
from django.core.files.storage import default_storage
from django.db import connection

from knowledge import tasks
from knowledge.models import Document
from knowledge.providers.loops import run_in_loop
from knowledge.providers.registry import embedder, vector_index
from knowledge.retrieval.search import retrieve
from knowledge.selectors import library_of
from knowledge.types import SearchScope
from tenants.context import entered
from vena_platform.isolation.evidence import traces
from vena_platform.isolation.scratch import QUESTION
from vena_platform.isolation.types import Attempt, Pair, Seen, World
from vena_platform.isolation.wire import Browser
from vena_platform.removal import keys_of


def both(area: str, what: str, look: Callable[[Pair, World], Seen]) -> Attempt:
    """`look(pair, world)` tells what can be seen of the other's from within the world."""
    return Attempt(area, what, lambda pair: look(pair, pair.ours), lambda pair: look(pair, pair.theirs))


def counted(things: Sequence[object], name: str) -> Seen:
    return Seen(f"{name}: {len(things)}", bool(things))


# -- search and index -----------------------------------------------------------------------------


def searched(pair: Pair, world: World, *, collections: bool) -> Seen:
    body = {"query": QUESTION, **({"collections": [pair.theirs.ids["collection"]]} if collections else {})}
    reply = Browser(pair.address, world.host, key=world.key).ask("POST", "/api/v1/search/", body)
    is_theirs = pair.theirs.marker in reply.text
    return Seen(f"{reply.status}" + ", with the other's words" * is_theirs, is_theirs)


def index_hits(pair: Pair, world: World) -> Seen:
    """The engine itself, asked with the other's collection in the world's own space."""
    library = library_of(world.organisation)
    vector, _ = run_in_loop(embedder(library.embedding_provider).embed_query(QUESTION))
    scope = SearchScope(collection_ids=(pair.theirs.id("collection"),))
    found = run_in_loop(vector_index().search(library.space, dense=vector, keywords=(), scope=scope, limit=10))
    return counted(found.dense, "hits")


def index_points(pair: Pair, world: World) -> Seen:
    space = library_of(world.organisation).space
    return counted(sorted(run_in_loop(vector_index().point_ids(space, pair.theirs.id("document")))), "points")


def retrieved(pair: Pair, world: World) -> Seen:
    """The whole search, with a scope that names the other's collection."""
    scope = SearchScope(collection_ids=(pair.theirs.id("collection"),))
    return counted(run_in_loop(retrieve(library_of(world.organisation), QUESTION, scope)).passages, "passages")


# -- files, cache, database -----------------------------------------------------------------------


def file_there(pair: Pair, world: World) -> Seen:
    with entered(world.schema_name):
        is_there = default_storage.exists(pair.theirs.file_name)
    return Seen("there" if is_there else "not there", is_there)


def climbed(pair: Pair, world: World) -> Seen:
    """A path that leads out of the world's own folder into the other's."""
    name = pair.theirs.file_name if world is pair.theirs else f"../{pair.theirs.schema_name}/{pair.theirs.file_name}"
    try:
        with entered(world.schema_name), default_storage.open(name) as file:
            return Seen("opened", pair.theirs.marker.encode() in file.read())
    except (SuspiciousFileOperation, FileNotFoundError) as error:
        return Seen(f"refused: {type(error).__name__}", False)


CACHED = "isolation-probe"


def cached(pair: Pair, world: World) -> Seen:
    with entered(pair.theirs.schema_name):
        cache.set(CACHED, pair.theirs.marker, 300)
    with entered(world.schema_name):
        is_there = cache.get(CACHED) == pair.theirs.marker
    return Seen("found" if is_there else "not found", is_there)


def keys_shared(pair: Pair, world: World) -> Seen:
    theirs = set(keys_of(pair.theirs.schema_name))
    return counted(sorted(theirs & set(keys_of(world.schema_name))), "the other's keys")


def row_there(pair: Pair, world: World) -> Seen:
    with entered(world.schema_name):
        return counted(list(Document.objects.filter(pk=pair.theirs.id("document")).values_list("pk")), "rows")


def search_path(pair: Pair, world: World) -> Seen:
    with entered(world.schema_name), connection.cursor() as cursor:
        cursor.execute("SHOW search_path")
        path = str(cursor.fetchone()[0])
    is_in = pair.theirs.schema_name in path
    return Seen("in it" if is_in else "not in it", is_in)


# -- tasks ----------------------------------------------------------------------------------------


def forgotten(pair: Pair, world: World) -> Seen:
    """A task that is named for one organisation and given a document of the other's."""
    if world is pair.theirs:
        with entered(world.schema_name):
            Document.objects.filter(pk=pair.theirs.id("document")).update(state=Document.State.DELETING)
    tasks.forget_document(schema_name=world.schema_name, document_id=pair.theirs.ids["document"])
    with entered(pair.theirs.schema_name):
        is_gone = not Document.objects.filter(pk=pair.theirs.id("document")).exists()
    return Seen("deleted" if is_gone else "still there", is_gone)


def traced(pair: Pair, world: World) -> Seen:
    found = traces(pair.theirs.marker, inside=world)
    return Seen(f"in {len(found)} places", bool(found))


ATTEMPTS = (
    both("Search and index", "A search finds the other's words", lambda p, w: searched(p, w, collections=False)),
    both("Search and index", "A search in the other's collection", lambda p, w: searched(p, w, collections=True)),
    both("Search and index", "The engine, asked for the other's collection", index_hits),
    both("Search and index", "The engine, asked for the points of the other's document", index_points),
    both("Search and index", "The whole retrieval, given the other's scope", retrieved),
    both("Files", "The other's file by its name", file_there),
    both("Files", "The other's file by a path that climbs out of one's own folder", climbed),
    both("Cache and queue", "What the other has put into the cache", cached),
    both("Cache and queue", "Keys in Redis that belong to both", keys_shared),
    both("Database", "The row of the other's document", row_there),
    both("Database", "The other's schema in the search path", search_path),
    both("Traces", "The other's words in one's own tables, files and keys", traced),
    both("Tasks", "A task of one organisation deletes the other's document", forgotten),
)
