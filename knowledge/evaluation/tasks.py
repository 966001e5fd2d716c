"""Doorways: ids in, organisation named, one call. Safe to run twice."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task

from knowledge.evaluation.runs import execute_run, library_of_run, runs_to_resume
from knowledge.selectors import library_of
from tenants.context import entered
from tenants.models import Organisation


@shared_task(acks_late=True)
def run_evaluation(*, schema_name: str, run_id: str) -> None:
    with entered("public"):
        organisation = Organisation.objects.filter(schema_name=schema_name).first()
    if organisation is None:
        return
    library = library_of(organisation)
    with entered(schema_name):
        execute_run(library_of_run(library, UUID(run_id)), UUID(run_id))


def resume_runs(*, schema_name: str) -> int:
    """Send the runs whose worker died on their way again; how many."""
    with entered(schema_name):
        lost = runs_to_resume()
    for run_id in lost:
        run_evaluation.delay(schema_name=schema_name, run_id=str(run_id))
    return len(lost)
