"""Commands, kept keys and stored files: each is some organisation's, or is listed here with a reason."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import redis
from django.apps import apps
from django.conf import settings
from django.core.cache import cache
from django.core.management import call_command, get_commands
from django.db import models

from chat.tests.sockets import all_answers_end, connected
from tenants.context import entered
from vena_platform.isolation.evidence import table_checksums
from vena_platform.removal import media_folder
from vena_platform.tests.isolation.conftest import Worlds
from vena_platform.tests.isolation.rows import World, tenant_models

OURS = {"vena_platform", "tenants", "accounts", "billing", "knowledge", "chat"}
# Command → its arguments when it works in one organisation.
IN_ONE = {
    "audit_verify": ["{slug}"],
    "create_api_key": ["{slug}", "owner@example.org"],
    "forget_answers": ["{slug}"],
    "move_vectors": ["{slug}", "dedicated"],
    "reconcile": ["{slug}"],
}
FOR_ALL = {
    "delete_organisation": "vena_platform/tests/test_removal.py shows that the other stays whole",
    "evaluate_retrieval": "reads a folder, and no organisation",
    "isolation_report": "makes two organisations of its own",
    "migrate_organisations": "changes tables, and no rows",
    "permissions_page": "writes docs/permissions.md",
    "provider_usage_import": "brings in a provider's figures of the platform's own account",
    "rotate_secrets": "encrypts everybody's secrets anew, each for its organisation",
    "serve": "runs everything",
}
# What is kept in Redis without an organisation's name in front.
PLATFORMS_KEYS = {
    r"vena:running": "names of running answers, each with its schema",
    r"vena:owner:[0-9a-f-]+": "that a process is alive",
    r"vena:ingestion:(waiting|served|clock)": "whose turn it is: schemas only",
    r"vena:ingestion:ticket:org_(acme|globex)": "that a schema's turn is queued",
    r"vena:platform:.*": "counts for operators, and the platform's own providers",
    r"public:.*": "the public host's own",
    r"(celery|_kombu.*|unacked.*)": "the queue: each task names its schema",
}


def test_every_command_is_known() -> None:
    commands = {name for name, app in get_commands().items() if isinstance(app, str) and app.split(".")[0] in OURS}
    assert commands == set(IN_ONE) | set(FOR_ALL), "Say in IN_ONE or FOR_ALL what a new command works on."


@pytest.mark.django_db
@pytest.mark.parametrize("command", sorted(IN_ONE))
def test_a_command_leaves_the_other_alone(worlds: Worlds, sessions: object, command: str) -> None:
    ours, theirs = worlds
    with entered(theirs.organisation.schema_name):
        cache.set("kept", theirs.marker)
    try:
        call_command(command, *[one.format(slug=ours.organisation.slug) for one in IN_ONE[command]])
    except (Exception, SystemExit) as error:  # rows made by their types alone are no whole organisation
        assert theirs.marker not in str(error)
    assert table_checksums(theirs.organisation.schema_name) == theirs.checksums
    with entered(theirs.organisation.schema_name):
        assert cache.get("kept") == theirs.marker


async def test_every_kept_key_is_somebodys(worlds: Worlds, sessions: dict[World, str], on_host: Any) -> None:
    """After questions, refusals and pages of both, nothing lies in Redis that no organisation's removal finds."""
    for world in worlds:
        cookie = f"{settings.SESSION_COOKIE_NAME}={sessions[world]}"
        async with connected(world.organisation, cookie=cookie) as socket:
            for question in (world.marker, world.marker):
                await socket.ask(question)
                await socket.until_done()
    await all_answers_end()
    client: Any = redis.Redis.from_url(settings.REDIS_URL, decode_responses=True)
    keys = list(client.scan_iter(count=1000))
    client.close()
    owned = re.compile(r"(vena:)?(org_acme|org_globex):.+")
    strange = {one for one in keys if not owned.fullmatch(one)}
    unknown = {one for one in strange if not any(re.fullmatch(known, one) for known in PLATFORMS_KEYS)}
    assert any(owned.fullmatch(one) for one in keys)
    assert not unknown, "A key begins with its organisation's schema, or is known here with a reason."


def test_every_file_lies_in_its_organisations_folder(worlds: Worlds) -> None:
    fields = [
        (model, one) for model in tenant_models() for one in model._meta.fields if isinstance(one, models.FileField)
    ]
    assert fields
    for world in worlds:
        folder = media_folder(world.organisation).resolve()
        with entered(world.organisation.schema_name):
            for model, one in fields:
                row = world.rows[model._meta.label]
                for name in ("a.txt", "../../org_globex/a.txt", "/etc/a.txt", "org_globex/a.txt"):
                    path = Path(one.storage.path(one.generate_filename(row, name))).resolve()
                    assert path.is_relative_to(folder), f"{model._meta.label}.{one.name}"


def test_no_platforms_table_keeps_files() -> None:
    for model in apps.get_models():
        if model not in tenant_models():
            files = [one.name for one in model._meta.fields if isinstance(one, models.FileField)]
            assert not files, f"{model._meta.label} keeps files outside every organisation: {files}"
