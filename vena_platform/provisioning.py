"""The making of an organisation, step by step. Each step may be repeated; nothing is reachable before the last."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from accounts.actions import owner_ensure
from billing.plans.actions import first_plan, subscription_start
from knowledge.actions import collection_create
from knowledge.models import Collection
from knowledge.providers.loops import run_in_loop
from knowledge.providers.registry import default_embedding_provider, embedder, vector_index
from knowledge.selectors import library_of
from tenants.actions import organisation_open
from tenants.context import entered
from tenants.models import Provisioning
from tenants.schemas import schema_create
from vena_platform.errors import VenaError

logger = logging.getLogger(__name__)

FIRST_COLLECTION = "Documents"


class ProvisioningFailed(VenaError):
    code, status, retryable = "provisioning_failed", 503, True
    message = "This step did not work. Nothing is lost: try again, and if it fails again, tell our support."


@dataclass(frozen=True, slots=True)
class Step:
    key: str
    title: str
    run: Callable[[Provisioning], None]


def make_schema(provisioning: Provisioning) -> None:
    schema_create(provisioning.organisation.schema_name)


def make_index(provisioning: Provisioning) -> None:
    organisation = provisioning.organisation
    if not organisation.embedding_version:
        organisation.embedding_provider = default_embedding_provider()
        organisation.embedding_version = embedder(organisation.embedding_provider).version
        organisation.vector_placement = settings.VENA_VECTOR_PLACEMENT
        organisation.save(update_fields=["embedding_provider", "embedding_version", "vector_placement"])
    space = library_of(organisation).space
    run_in_loop(vector_index().prepare(space))
    run_in_loop(vector_index().activate(space))


def make_owner(provisioning: Provisioning) -> None:
    with entered(provisioning.organisation.schema_name):
        owner_ensure(
            email=provisioning.owner_email,
            name=provisioning.owner_name,
            password_hash=provisioning.owner_password,
        )
        if not Collection.objects.exists():
            collection_create(name=FIRST_COLLECTION, description="Everything that is not sorted elsewhere.")


def open_doors(provisioning: Provisioning) -> None:
    organisation = provisioning.organisation
    if plan := first_plan():
        subscription_start(organisation, plan)
        organisation.refresh_from_db()
    organisation_open(organisation)
    provisioning.owner_password = ""
    provisioning.finished_at = timezone.now()
    provisioning.save(update_fields=["owner_password", "finished_at"])


STEPS = (
    Step("schema", "Preparing a private database", make_schema),
    Step("index", "Preparing the search index", make_index),
    Step("owner", "Creating your account", make_owner),
    Step("open", "Opening the doors", open_doors),
)


def provision(provisioning_id: UUID) -> None:
    """Run the steps that are not done yet. A failed one is noted on the row, in words for the person."""
    with entered("public"):
        provisioning = Provisioning.objects.select_related("organisation").get(pk=provisioning_id)
        if provisioning.finished_at:
            return
        for step in STEPS:
            if step.key not in provisioning.steps_done and not run_step(provisioning, step):
                return


def run_step(provisioning: Provisioning, step: Step) -> bool:
    note(provisioning, step_running=step.key, failure_code="", failure_detail="")
    try:
        step.run(provisioning)
    except Exception as error:
        logger.exception("provisioning.step_failed", extra={"step": step.key})
        code = error.code if isinstance(error, VenaError) else ProvisioningFailed.code
        note(provisioning, step_running="", failure_code=code, failure_detail=f"{step.key}: {error!r}")
        return False
    note(provisioning, step_running="", steps_done=[*provisioning.steps_done, step.key])
    return True


def note(provisioning: Provisioning, **values: object) -> None:
    for name, value in values.items():
        setattr(provisioning, name, value)
    provisioning.save(update_fields=list(values))


def progress(provisioning: Provisioning) -> list[dict[str, str]]:
    """What the page shows of each step."""
    return [
        {
            "key": step.key,
            "title": step.title,
            "state": state_of(provisioning, step),
            "detail": detail_of(provisioning, step),
        }
        for step in STEPS
    ]


def state_of(provisioning: Provisioning, step: Step) -> str:
    if step.key in provisioning.steps_done:
        return "done"
    if provisioning.step_running == step.key:
        return "running"
    return "failed" if provisioning.failure_code and step is first_open(provisioning) else "waiting"


def first_open(provisioning: Provisioning) -> Step | None:
    return next((step for step in STEPS if step.key not in provisioning.steps_done), None)


def detail_of(provisioning: Provisioning, step: Step) -> str:
    return ProvisioningFailed.message if state_of(provisioning, step) == "failed" else ""
