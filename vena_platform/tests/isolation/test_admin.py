"""The tenant admin for each role: what it leads to opens, and nothing foreign is listed, found or opened."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.apps import apps

from accounts.models import User
from accounts.permissions import ADMIN_MODELS, Role, may, may_use_admin_site
from conftest import Host
from tenants.context import entered
from vena_platform.admin_sites import tenant_admin
from vena_platform.tests.isolation.conftest import Worlds
from vena_platform.tests.isolation.test_parameters import NUMBERED_FROM_ONE, nobody_of, untouched

STAFF = [role for role in Role if may_use_admin_site(role)]
MODELS = sorted((model._meta.app_label, model._meta.model_name or "") for model in tenant_admin._registry)
PLATFORMS = ("billing", "tenants", "sessions", "auth", "django_celery")


@pytest.fixture
def browser(worlds: Worlds, db: None) -> Any:
    def of(role: Role) -> Host:
        host = Host(worlds.ours.organisation)
        host.raise_request_exception = False
        with entered(worlds.ours.organisation.schema_name):
            host.force_login(User.objects.create_user(f"{role}@admin.example", None, name=str(role), role=role))
        return host

    return of


def test_every_model_of_the_admin_has_its_ability() -> None:
    assert set(MODELS) <= set(ADMIN_MODELS)
    assert not [label for label, _ in MODELS if label in PLATFORMS]


@pytest.mark.parametrize("role", [role for role in Role if role not in STAFF], ids=str)
def test_who_has_nothing_to_do_there_stays_out(browser: Any, role: Role) -> None:
    assert browser(role).get("/admin/").status_code in {302, 403}


@pytest.mark.parametrize("role", STAFF, ids=str)
def test_the_first_page_leads_to_what_the_role_may_open_and_to_nothing_else(
    worlds: Worlds, browser: Any, role: Role
) -> None:
    host = browser(role)
    page = host.get("/admin/").content.decode()
    assert worlds.theirs.marker not in page
    links = {link for link in re.findall(r'href="(/[^"?#]*)', page) if not re.match(r"/(static|brand|accounts)", link)}
    assert len(links) > 4
    for link in sorted(links - {"/admin/logout/"}):
        assert host.get(link).status_code == 200, link
    for (app, model), ability in ADMIN_MODELS.items():
        if (app, model) in MODELS:
            assert (f"/admin/{app}/{model}/" in links) == may(role, ability), (app, model)


@pytest.mark.parametrize("role", STAFF, ids=str)
def test_nothing_foreign_is_listed_found_or_opened(worlds: Worlds, sessions: object, browser: Any, role: Role) -> None:
    theirs, host = worlds.theirs, browser(role)
    for app, model in MODELS:
        label = apps.get_model(app, model)._meta.label
        start = f"/admin/{app}/{model}/"
        for path in (start, f"{start}?q={theirs.marker[:-1]}"):  # a part of it, since pages repeat what was looked for
            assert theirs.marker not in host.get(path).content.decode(), path
        if label in NUMBERED_FROM_ONE:
            continue
        for act in ("change", "delete", "history"):
            foreign, unknown = (host.get(f"{start}{one}/{act}/") for one in (theirs.id_of(label), nobody_of(label)))
            assert (foreign.status_code, foreign.get("Location")) == (unknown.status_code, unknown.get("Location"))
            assert foreign.status_code != 200, (label, act)
        host.post(start, {"action": "delete_selected", "_selected_action": theirs.id_of(label), "post": "yes"})
    untouched(theirs)
