"""Two organisations made for the probe, as people make theirs, and removed again from every store."""

from __future__ import annotations

import json
import logging
import secrets
import time
import uuid
from collections.abc import Iterable
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.utils import timezone

from accounts.actions import api_key_issue
from accounts.invitations.actions import VALID_FOR
from accounts.models import Invitation, User
from knowledge.models import AnswerPolicy, Document, DocumentVersion
from knowledge.providers.defaults import QUOTING
from knowledge.tasks import work_on_next
from tenants.actions import organisation_request
from tenants.context import entered
from tenants.models import Organisation
from tenants.selectors import organisation_url
from vena_platform.isolation.errors import ProbeFailed
from vena_platform.isolation.types import World
from vena_platform.isolation.wire import Browser, heard_until_done, opened
from vena_platform.provisioning import provision
from vena_platform.removal import RemovalIncomplete, organisation_remove

logger = logging.getLogger(__name__)

READ_SECONDS = 120  # that the scratch documents may take to be read
QUESTION = "What is the code word of the blue vault?"
REMOVALS = 3  # tries; a worker may just be writing something
# What is made over the network by the owner: kind → address and body. `{marker}` and ids stand in braces.
MADE: dict[str, tuple[str, dict[str, Any]]] = {
    "collection": ("/api/v1/collections/", {"name": "{marker}"}),
    "group": ("/api/v1/groups/", {"name": "{marker}"}),
    "budget": ("/api/v1/budgets/", {"scope": "organisation", "amount_gbp": "500.00", "contact": "{marker}"}),
    "golden": ("/api/v1/golden-questions/", {"question": "{marker}?", "targets": [{"document": "{document}"}]}),
}


def begun(label: str) -> World:
    """An organisation of its own, open, with nothing in it but its owner."""
    token = secrets.token_hex(6)
    password, email = secrets.token_urlsafe(24), f"owner-{token}@isolation.invalid"
    row = organisation_request(
        name=f"Isolation probe {label}",
        slug=f"isolation-{token}",
        owner_name=f"zq{token}",
        owner_email=email,
        owner_password=password,
    )
    return World(row.organisation, "", f"zq{token}", email, password)


def furnish(world: World, address: str) -> None:
    """Something of each kind, made through the same doors as people use."""
    provision(world.organisation.provisioning.pk)
    world.organisation.refresh_from_db()
    if not world.organisation.is_open:
        raise ProbeFailed(detail=world.organisation.provisioning.failure_detail)
    world.host = urlsplit(organisation_url(world.organisation)).netloc
    make_rows(world)
    browser = Browser(address, world.host)
    if not browser.sign_in(world.email, world.password):
        raise ProbeFailed(detail="the owner of a scratch organisation could not sign in")
    world.cookies = browser.cookies
    make(world, browser, "collection")
    upload_documents(world, browser)
    for kind in MADE.keys() - {"collection"}:
        make(world, browser, kind)
    ask_question(world, browser)


def make_rows(world: World) -> None:
    """What needs no door, or would send an e-mail. Answers are quoted, so that no provider is paid for them."""
    with entered(world.schema_name):
        owner = User.objects.get(email=world.email)
        world.key = api_key_issue(user=owner, name=world.marker)
        person = User.objects.create_user(f"{world.marker}@isolation.invalid", None, name=world.marker)
        invitation = Invitation.objects.create(
            email=f"invited-{world.marker}@isolation.invalid", expires_at=timezone.now() + VALID_FOR
        )
        AnswerPolicy.objects.update_or_create(pk=1, defaults={"primary_provider": QUOTING})
        key = owner.api_keys.get()
    world.ids |= {"owner": str(owner.pk), "person": str(person.pk), "invitation": str(invitation.pk)}
    world.ids |= {"key": str(key.pk)}


def make(world: World, browser: Browser, kind: str) -> None:
    path, body = MADE[kind]
    world.ids[kind] = str(taken(browser.ask("POST", path, filled(body, world)), kind)["id"])


def taken(reply: Any, what: str) -> Any:
    if reply.status not in (200, 201, 202):
        raise ProbeFailed(detail=f"{what}: {reply.status} {reply.text[:300]}")
    return reply.json()


def filled(value: Any, world: World) -> Any:
    """Every `{name}` of a text replaced by the organisation's marker or id, however deep it is."""
    if isinstance(value, str):
        for name, found in {**world.ids, "marker": world.marker, "uuid": str(uuid.uuid4())}.items():
            value = value.replace(f"{{{name}}}", found)
        return value
    return json.loads(filled(json.dumps(value), world)) if value is not None else None


def upload_documents(world: World, browser: Browser) -> None:
    texts = {
        "document": f"# Vaults\n\nThe code word of the blue vault is {world.marker}.\n",
        "spare": f"# Keys\n\nThe spare key of {world.marker} hangs beside the door.\n",
    }
    for kind, text in texts.items():
        form = {"data": {"collection": world.ids["collection"]}, "files": {"file": (f"{kind}.md", text.encode())}}
        world.ids[kind] = str(taken(browser.ask("POST", "/api/v1/documents/", **form), kind)["id"])
    read_documents(world)
    with entered(world.schema_name):
        world.file_name = str(DocumentVersion.objects.get(document=world.id("document")).file)


def read_documents(world: World) -> None:
    """By whichever worker is faster: one of the platform's, or this process."""
    deadline = time.monotonic() + READ_SECONDS
    while time.monotonic() < deadline:
        with entered(world.schema_name):
            states = set(Document.objects.values_list("state", flat=True))
        if states == {Document.State.READY}:
            return
        if Document.State.FAILED in states:
            break
        if not work_on_next(world.organisation, drawn_for=world.schema_name):
            time.sleep(0.2)
    raise ProbeFailed(detail="the documents of a scratch organisation were not read")


def ask_question(world: World, browser: Browser) -> None:
    with opened(browser) as one:
        frames = heard_until_done(one, **question_frame())
    if frames[-1]["type"] != "done":
        raise ProbeFailed(detail=f"the question was not answered: {frames[-1].get('code')}")
    world.ids |= {kind: frames[0][kind] for kind in ("conversation", "question", "answer")}


def question_frame(**more: Any) -> dict[str, Any]:
    return {"type": "ask", "text": QUESTION, "conversation": None, "client_id": str(uuid.uuid4()), **more}


def removed(organisations: Iterable[Organisation]) -> dict[str, int]:
    """What is left of them in each store: nothing, or ProbeFailed is raised."""
    left: dict[str, int] = {}
    for organisation in organisations:
        for store, count in removed_one(organisation).items():
            left[store] = left.get(store, 0) + count
    return left


def removed_one(organisation: Organisation) -> dict[str, int]:
    for _ in range(REMOVALS):
        with suppress(RemovalIncomplete):
            return dict(organisation_remove(organisation).left)
        time.sleep(1)
    logger.error("isolation.scratch_left", extra={"schema": organisation.schema_name})
    raise ProbeFailed(detail=f"{organisation.schema_name} could not be removed")


def removable(ids: Iterable[str]) -> list[Organisation]:
    """Those of a run's scratch organisations that are still there."""
    with entered("public"):
        return list(Organisation.objects.filter(pk__in=list(ids)))


def uses_own_server() -> bool:
    return not settings.VENA_PROBE_ADDRESS
