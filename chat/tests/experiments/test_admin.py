from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from accounts.permissions import Role
from chat.experiments.models import Arm, Experiment
from knowledge.answering.policy import answer_settings
from tenants.context import entered
from tenants.models import Organisation

LIST = "/admin/chat/experiment/"


@pytest.fixture
def host(acme: Organisation, make_person: Any, on_host: Any) -> Any:
    make_person(acme, "admin@acme.example", Role.ADMIN)
    host = on_host(acme)
    host.sign_in("admin@acme.example")
    return host


def test_an_admin_sets_up_runs_and_adopts(acme: Organisation, host: Any) -> None:
    arms = {"arms-TOTAL_FORMS": "2", "arms-INITIAL_FORMS": "0", "arms-MIN_NUM_FORMS": "2", "arms-MAX_NUM_FORMS": "9"}
    first = {"arms-0-name": "As today", "arms-0-weight": "1"}
    second = {"arms-1-name": "Eight passages", "arms-1-weight": "1", "arms-1-passages": "8"}
    added = host.post(f"{LIST}add/", {"name": "More to read", "question": "", **arms, **first, **second})
    with entered(acme.schema_name):
        made = Experiment.objects.get()
        winner = Arm.objects.get(name="Eight passages")
    page = f"{LIST}{made.pk}/results/"
    assert added["Location"] == page
    assert b"Start" in host.get(page).content

    assert host.post(f"{LIST}{made.pk}/start/")["Location"] == page
    running = host.get(page).content.decode()
    assert "Running since" in running
    assert "Adopt “Eight passages”" in running
    assert host.post(f"{LIST}{made.pk}/delete/", {"post": "yes"}).status_code == 403
    change = host.get(f"{LIST}{made.pk}/change/").content.decode()
    assert 'name="arms-0-weight"' not in change  # arms of a running experiment stay as they are

    host.post(f"{LIST}{made.pk}/adopt/", {"arm": str(winner.pk)})
    with entered(acme.schema_name):
        made.refresh_from_db()
        assert (made.state, made.adopted, answer_settings().passages) == ("stopped", winner, 8)
    assert "Adopted: Eight passages" in host.get(page).content.decode()


def test_an_unknown_prompt_is_refused(acme: Organisation, host: Any) -> None:
    arms = {"arms-TOTAL_FORMS": "2", "arms-INITIAL_FORMS": "0", "arms-MIN_NUM_FORMS": "2", "arms-MAX_NUM_FORMS": "9"}
    first = {"arms-0-name": "As today", "arms-0-weight": "1", "arms-0-prompt_version": "7"}
    second = {"arms-1-name": "B", "arms-1-weight": "1", "arms-1-prompt_version": "2"}
    page = host.post(f"{LIST}add/", {"name": "Prompts", **arms, **first, **second}).content.decode()
    assert "There is no such version. Choose one of 1, 2." in page
    with entered(acme.schema_name):
        assert not Experiment.objects.exists()


def test_what_cannot_be_done_is_said(acme: Organisation, host: Any, experiment: Experiment) -> None:
    with entered(acme.schema_name):
        Arm.objects.filter(name="B").delete()
    page = host.post(f"{LIST}{experiment.pk}/start/", follow=True).content.decode()
    assert "needs at least two arms" in page
    assert host.post(f"{LIST}{experiment.pk}/adopt/", {"arm": str(uuid4())}).status_code == 404


def test_reading_changes_nothing(acme: Organisation, host: Any, experiment: Experiment) -> None:
    assert host.get(f"{LIST}{experiment.pk}/start/").status_code == 405
    with entered(acme.schema_name):
        experiment.refresh_from_db()
        assert experiment.state == "draft"


@pytest.mark.parametrize("role", [Role.FINANCE, Role.MEMBER])
def test_others_neither_see_nor_start_one(
    acme: Organisation, make_person: Any, on_host: Any, experiment: Experiment, role: Role
) -> None:
    make_person(acme, "other@acme.example", role)
    host = on_host(acme)
    host.sign_in("other@acme.example")
    assert host.get(f"{LIST}{experiment.pk}/results/").status_code in (302, 403)
    assert host.post(f"{LIST}{experiment.pk}/start/").status_code in (302, 403)
    with entered(acme.schema_name):
        experiment.refresh_from_db()
        assert experiment.state == "draft"


def test_an_experiment_of_one_organisation_is_nothing_in_the_other(
    globex: Organisation, make_person: Any, on_host: Any, experiment: Experiment
) -> None:
    make_person(globex, "admin@globex.example", Role.OWNER)
    host = on_host(globex)
    host.sign_in("admin@globex.example")
    assert host.get(f"{LIST}{experiment.pk}/results/").status_code == 404
    assert host.post(f"{LIST}{experiment.pk}/start/").status_code == 404
    assert experiment.name not in host.get(LIST).content.decode()
