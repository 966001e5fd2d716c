"""The embedded search index is derived data: where it is missing or damaged, it is made again from the documents."""

from __future__ import annotations

import logging
from collections.abc import Callable

from knowledge.errors import IndexUnavailable
from knowledge.models import Chunk
from knowledge.providers.loops import run_in_loop
from knowledge.providers.registry import vector_index
from knowledge.reconciling import reconcile
from knowledge.selectors import library_of
from knowledge.types import VectorSpace
from tenants.context import entered
from tenants.models import Organisation
from tenants.selectors import open_organisations

logger = logging.getLogger(__name__)


def repair_indexes(tell: Callable[[str], None]) -> None:
    for organisation in open_organisations():
        if has_passages(organisation) and not can_be_searched(library_of(organisation).space):
            repair(organisation, tell)


def has_passages(organisation: Organisation) -> bool:
    with entered(organisation.schema_name):
        return Chunk.objects.exists()


def can_be_searched(space: VectorSpace) -> bool:
    try:
        return run_in_loop(vector_index().count(space)) > 0
    except IndexUnavailable:
        logger.exception("index.unreadable")
        return False


def repair(organisation: Organisation, tell: Callable[[str], None]) -> None:
    """From kept vectors, without asking a model: seconds, not hours."""
    space = library_of(organisation).space
    try:
        run_in_loop(vector_index().drop(organisation.key))
        run_in_loop(vector_index().prepare(space))
        run_in_loop(vector_index().activate(space))
    except IndexUnavailable as error:
        tell(f"The search index of {organisation.name} can't be repaired: {error.detail}. Move its folder away.")
        return
    with entered(organisation.schema_name):
        report = reconcile(library_of(organisation))
    count = report.repaired.get("missing_points", 0)
    tell(f"The search index of {organisation.name} was missing or damaged. {count} passages were put back.")
