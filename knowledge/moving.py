"""Moving an organisation's vectors between a collection of its own and the shared one."""

from __future__ import annotations

from dataclasses import replace

from knowledge.providers.base import VectorIndex
from knowledge.providers.registry import vector_index
from knowledge.selectors import library_of
from knowledge.types import Placement, VectorSpace
from tenants.context import in_public
from tenants.models import Organisation


async def move_vectors(organisation: Organisation, placement: Placement) -> int:
    """Copy, switch, copy what came in meanwhile, empty the old place. Searches work all the time."""
    library = await in_public(library_of, organisation)
    source = library.space
    if source.placement is placement:
        return 0
    target = replace(source, placement=placement)
    index = vector_index()
    await index.prepare(target)
    await copy_missing(index, source, target)
    await in_public(switch, organisation, placement)
    await copy_missing(index, source, target)
    moved = await index.point_ids(source)
    await index.forget_points(source, sorted(moved))
    if placement is Placement.DEDICATED:
        await index.activate(target)
    return len(moved)


async def copy_missing(index: VectorIndex, source: VectorSpace, target: VectorSpace) -> None:
    there = await index.point_ids(target)
    async for batch in index.scan(source):
        if missing := [chunk for chunk in batch if chunk.point_id not in there]:
            await index.upsert(target, missing)


def switch(organisation: Organisation, placement: Placement) -> None:
    organisation.vector_placement = placement
    organisation.save(update_fields=["vector_placement"])
