"""The report as operators make it: a real run over a real web server, and what it says when something leaks."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.cache.backends.redis import RedisCache
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.permissions import Role
from conftest import wipe
from knowledge.models import Document
from tenants import websockets
from tenants.context import entered
from tenants.models import DeletionReceipt, Organisation
from tenants.schemas import existing_schemas
from vena_platform.isolation import running
from vena_platform.isolation.errors import NotGenuine, ProbeFailed
from vena_platform.isolation.models import IsolationReport
from vena_platform.isolation.probes import all_attempts
from vena_platform.isolation.running import report_make
from vena_platform.isolation.scratch import begun
from vena_platform.isolation.signing import public_keys, verified_by
from vena_platform.isolation.tasks import make_isolation_report
from vena_platform.isolation.types import Attempt, Pair, Seen

SCRATCH = "org_isolation_"


def scratch_schemas() -> list[str]:
    return [name for name in existing_schemas() if name.startswith(SCRATCH)]


def forget_run() -> None:
    """What a run rightly leaves in the platform's own tables."""
    IsolationReport.objects.all().delete()
    DeletionReceipt.objects.all().delete()
    wipe()


@pytest.fixture(scope="module")
def made(django_db_setup: None, django_db_blocker: Any) -> dict[str, str]:
    """One real run for all tests that read a report: its row's fields."""
    with django_db_blocker.unblock():
        row = report_make()
        assert scratch_schemas() == []
        forget_run()
        return {"document": row.document, "page": row.page}


@pytest.fixture
def kept(made: dict[str, str], db: None) -> IsolationReport:
    return IsolationReport.objects.create(finished_at=timezone.now(), is_held=True, **made)


@pytest.fixture
def clean(live: None) -> Iterator[None]:
    yield
    forget_run()


def report_in(document: str) -> dict[str, Any]:
    return dict(json.loads(document)["report"])


def test_every_door_is_tried_and_shut_and_nothing_is_left(made: dict[str, str]) -> None:
    report = report_in(made["document"])
    assert [one for one in report["attempts"] if not one["is_held"]] == []
    assert (report["holds"], report["held"]) == (True, report["tried"])
    assert report["tried"] == len(all_attempts()) + 1
    assert {one["what"] for one in report["attempts"]} >= {attempt.what for attempt in all_attempts()}
    assert report["left_of_the_scratch_organisations"] == dict.fromkeys(
        ("tables", "rows", "vectors", "files", "keys", "customers"), 0
    )


def test_the_files_are_genuine_and_a_changed_word_shows(made: dict[str, str], tmp_path: Path) -> None:
    for suffix, content in (("json", made["document"]), ("html", made["page"])):
        path = tmp_path / f"report.{suffix}"
        path.write_text(content)
        call_command("isolation_report", verify=path)
        call_command("isolation_report", verify=path, key=public_keys()[0])
        with pytest.raises(CommandError, match="not trusted"):
            call_command("isolation_report", verify=path, key="AAAA")
        path.write_text(content.replace("held", "hold", 1))
        with pytest.raises(CommandError, match="does not fit"):
            call_command("isolation_report", verify=path)


def test_a_report_is_genuine_until_its_key_is_taken_away(made: dict[str, str], settings: Any) -> None:
    old, new = settings.VENA_ENCRYPTION_KEYS[0], "YW5vdGhlciBrZXkgb2YgMzIgYnl0ZXMgZXhhY3RseSE="
    settings.VENA_ENCRYPTION_KEYS = [new, old]
    assert verified_by(made["document"].encode(), public_keys()) == public_keys()[1]
    settings.VENA_ENCRYPTION_KEYS = [new]
    with pytest.raises(NotGenuine):
        verified_by(made["document"].encode(), public_keys())


# -- the admin site -------------------------------------------------------------------------------


@pytest.fixture
def person(make_person: Any, on_host: Any) -> Callable[[Organisation, Role], Any]:
    def browser(organisation: Organisation, role: Role) -> Any:
        make_person(organisation, f"{role}@example.org", role)
        host = on_host(organisation)
        host.sign_in(f"{role}@example.org")
        return host

    return browser


def test_admins_of_every_organisation_find_it(
    acme: Organisation, globex: Organisation, kept: IsolationReport, person: Any
) -> None:
    for organisation, role in ((acme, Role.OWNER), (globex, Role.ADMIN)):
        browser = person(organisation, role)
        assert 'href="/admin/isolation/"' in browser.get("/admin/").content.decode()
        page = browser.get("/admin/isolation/").content.decode()
        assert "Everything held" in page
        assert "GET /api/v1/documents/{document}/ with the other&#x27;s id" in page
        for kind, content in (("json", kept.document), ("html", kept.page)):
            response = browser.get(f"/admin/isolation/{kind}/")
            assert response.content.decode() == content
            assert response["Content-Disposition"].endswith(f'.{kind}"')
            assert "sandbox" in response["Content-Security-Policy"]
        assert browser.get("/admin/isolation/exe/").status_code == 404


@pytest.mark.parametrize("role", [Role.EDITOR, Role.FINANCE, Role.MEMBER, Role.VIEWER])
def test_nobody_else_does(acme: Organisation, kept: IsolationReport, person: Any, role: Role) -> None:
    browser = person(acme, role)
    for path in ("/admin/isolation/", "/admin/isolation/json/"):
        response = browser.get(path)
        assert response.status_code in (302, 403)
        assert kept.document not in response.content.decode()
    assert "/admin/isolation/" not in browser.get("/admin/").content.decode()


def test_without_a_report_the_page_says_so(acme: Organisation, person: Any) -> None:
    browser = person(acme, Role.OWNER)
    assert "There is no report yet" in browser.get("/admin/isolation/").content.decode()
    assert browser.get("/admin/isolation/json/").status_code == 404


# -- what does not hold ---------------------------------------------------------------------------


def chosen(*whats: str) -> list[Attempt]:
    found = [attempt for attempt in all_attempts() if attempt.what in whats]
    assert len(found) == len(whats)
    return found


def rename(pair: Pair) -> Seen:
    """A way in that answers as if it were none."""
    with entered(pair.theirs.schema_name):
        Document.objects.update(title="taken")
    return Seen("404", False)


def broken(*given: Any) -> Seen:
    raise RuntimeError("the probe itself")


def test_what_leaks_is_found_by_name(
    clean: None, live_acme: Organisation, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Pages of other sites may open sockets, the cache knows no organisation, somebody's rows are changed."""
    page = "A page of the other organisation opens a socket with a person's cookie"
    cached, sound = "What the other has put into the cache", "The other's file by its name"
    dead = Attempt("Made up", "A door that is shut to its owner too", lambda p: Seen("404", False), broken)
    silent = Attempt("Made up", "A way in that says 404", rename, lambda p: Seen("200", True))
    monkeypatch.setattr(running, "all_attempts", lambda: [*chosen(page, cached, sound), dead, silent])
    monkeypatch.setattr(websockets, "host_of_origin", lambda origin: "")
    monkeypatch.setattr(websockets, "host_name", lambda host: "")
    monkeypatch.setattr(RedisCache, "make_key", lambda self, key, version=None: f"{self.key_prefix}:{key}")
    # when
    make_isolation_report.delay()
    # then
    row = IsolationReport.objects.get()
    report = report_in(row.document)
    assert (row.is_held, report["holds"], report["held"], report["tried"]) == (False, False, 2, 6)
    failed = {one["what"]: one["abroad"] for one in report["attempts"] if not one["is_held"]}
    together = "All of these attempts together change a row, a vector or a file of the other's"
    assert failed.keys() == {page, cached, dead.what, together}
    assert (failed[page], failed[cached]) == ("pong", "found")
    assert failed[together] == "changed: knowledge_document"
    assert "isolation.broken" in caplog.messages
    assert scratch_schemas() == []


def test_a_run_that_breaks_removes_what_it_made(clean: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "furnish", broken)
    with pytest.raises(ProbeFailed):
        report_make()
    row = IsolationReport.objects.get()
    assert (row.document, row.scratch, "the probe itself" in row.failure_detail) == ("", [], True)
    assert (scratch_schemas(), Organisation.objects.filter(slug__startswith="isolation-").count()) == ([], 0)


def test_what_a_killed_run_left_goes_with_the_next(clean: None, monkeypatch: pytest.MonkeyPatch) -> None:
    left, young = begun("A").organisation, begun("A").organisation
    for organisation, age in ((left, running.DEAD_AFTER * 2), (young, running.DEAD_AFTER / 2)):
        row = IsolationReport.objects.create(scratch=[str(organisation.pk)])
        IsolationReport.objects.filter(pk=row.pk).update(begun_at=timezone.now() - age)
    running.remove_leftovers()
    assert list(Organisation.objects.filter(slug__startswith="isolation-")) == [young]
    assert IsolationReport.objects.filter(failure_detail="it was killed").count() == 1
    young.delete()
