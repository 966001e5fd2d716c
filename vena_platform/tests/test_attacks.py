"""Attacks that docs/security.md lists, tried. Those on the isolation of organisations have files of their own."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core import mail
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.audit.models import AuditEvent
from accounts.models import User
from accounts.permissions import Role
from knowledge.actions import document_upload
from knowledge.models import Collection, Document
from tenants.context import entered
from tenants.models import Organisation

OPERATOR = "operator@vena.example"


@pytest.fixture
def uploaded(acme: Organisation) -> Any:
    """A file as it lies in acme's store; whether it can be read does not matter here."""

    def make(name: str, content: bytes) -> Document:
        with entered(acme.schema_name):
            group, _ = Collection.objects.get_or_create(name="Documents")
            file = SimpleUploadedFile(name, content)
            return document_upload(schema_name=acme.schema_name, collection=group, uploaded_by=None, file=file)

    return make


# -- requests that another site makes -------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/accounts/logout/", {}),
        ("/accounts/password/change/", {"oldpassword": "x", "password1": "y", "password2": "y"}),
        ("/privacy/settings/", {"admins_may_read": "on"}),
        ("/privacy/export/", {}),
        ("/api/v1/collections/", {"name": "Theirs"}),
        ("/admin/accounts/user/add/", {"email": "eve@example.org", "role": "owner"}),
    ],
)
def test_another_sites_form_does_nothing(acme: Organisation, make_person: Any, path: str, form: dict[str, str]) -> None:
    make_person(acme, "owner@acme.example", Role.OWNER)
    browser = Client(headers={"host": "acme.localhost:8000"}, enforce_csrf_checks=True)
    with entered(acme.schema_name):
        owner = User.objects.get()
        browser.force_login(owner)
    response = browser.post(path, form, headers={"origin": "https://evil.example"})
    assert response.status_code == 403
    assert browser.get("/api/v1/me/").status_code == 200


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:x"])
def test_signing_in_leads_to_no_other_site(acme: Organisation, make_person: Any, on_host: Any, target: str) -> None:
    make_person(acme)
    form = {"login": "ada@example.org", "password": "correct horse battery", "next": target}
    response = on_host(acme).post("/accounts/login/", form)
    assert (response.status_code, response["Location"]) == (302, "/")


def test_a_reset_link_leads_to_the_host_that_was_asked(acme: Organisation, make_person: Any, on_host: Any) -> None:
    """A made-up host is no organisation's, and a forwarded one is not believed."""
    make_person(acme)
    poisoned = {"x-forwarded-host": "evil.example"}
    on_host(acme).post("/accounts/password/reset/", {"email": "ada@example.org"}, headers=poisoned)
    (message,) = mail.outbox
    assert "evil.example" not in str(message.body)
    assert "http://acme.localhost:8000/" in str(message.body)
    form = {"email": "ada@example.org"}
    assert Client(headers={"host": "evil.example"}).post("/accounts/password/reset/", form).status_code == 404
    assert len(mail.outbox) == 1


# -- cookies --------------------------------------------------------------------------------------


def test_cookies_belong_to_one_host_and_to_no_script(acme: Organisation, make_person: Any, on_host: Any) -> None:
    make_person(acme)
    host = on_host(acme)
    host.sign_in("ada@example.org")
    session = host.cookies[django_settings.SESSION_COOKIE_NAME]
    assert (session["domain"], session["path"], session["samesite"]) == ("", "/", "Lax")
    assert session["httponly"]
    assert host.cookies[django_settings.CSRF_COOKIE_NAME]["domain"] == ""


# -- files ----------------------------------------------------------------------------------------

HTML = b"<!doctype html><script>fetch('/api/v1/me/')</script>"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("page.html", HTML),
        ("page.md", HTML),
        ("page.xml", b"<?xml version='1.0'?><a xmlns='http://www.w3.org/1999/xhtml'/>"),
    ],
)
def test_what_somebody_uploaded_never_runs_as_our_page(owner: Any, uploaded: Any, name: str, content: bytes) -> None:
    document = uploaded(name, content)
    for path in (f"/documents/{document.pk}/file/", f"/api/v1/documents/{document.pk}/content/"):
        response = owner.get(f"{path}?version=1")
        assert response["Content-Disposition"].startswith("attachment")
        assert response["Content-Type"] == "application/octet-stream"
        assert response["X-Content-Type-Options"] == "nosniff"
        assert response["Content-Security-Policy"] == "default-src 'none'; sandbox"


def test_a_page_that_is_named_a_pdf_is_not_taken_in(
    acme: Organisation, uploaded: Any, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        document = uploaded("report.pdf", HTML)
    with entered(acme.schema_name):
        document.refresh_from_db()
    assert (document.state, document.failure_code) == ("failed", "mislabelled_document")


@pytest.mark.parametrize("name", ["../../etc/passwd.md", "a\r\nSet-Cookie: x=1.md", 'quote".md', "…/🙂.md", "a/b/c.md"])
def test_a_file_name_goes_nowhere(acme: Organisation, owner: Any, uploaded: Any, name: str) -> None:
    document = uploaded(name, b"# Words")
    with entered(acme.schema_name):
        version = document.versions.get()
        assert version.file.name == f"documents/{version.pk}.md"
    response = owner.get(f"/api/v1/documents/{document.pk}/content/?version=1")
    assert response.status_code == 200
    assert "Set-Cookie" not in response.headers or "x=1" not in response.headers["Set-Cookie"]
    assert "\n" not in response["Content-Disposition"]


# -- guessing and flooding ------------------------------------------------------------------------


def test_guessing_an_operators_password_is_slowed_down(db: None, on_host: Any, settings: Any) -> None:
    User.objects.create_superuser(OPERATOR, "correct horse battery")
    host = on_host(None)
    guess = {"login": OPERATOR, "password": "wrong password"}
    for _ in range(5):
        assert "too many wrong passwords" not in host.post("/accounts/login/", guess).content.decode()
    right = {**guess, "password": "correct horse battery"}
    refused = host.post("/accounts/login/", right, REMOTE_ADDR="192.0.2.9")  # by name, wherever from
    assert "too many wrong passwords" in refused.content.decode()
    assert AuditEvent.objects.filter(action="sign_in.failed", target_label=OPERATOR).count() == 5
    assert host.get("/admin/").status_code == 302


def test_costly_requests_are_counted_by_person_and_organisation(
    acme: Organisation, globex: Organisation, owner: Any, make_person: Any, on_host: Any, settings: Any
) -> None:
    settings.VENA_LIMITS = {**settings.VENA_LIMITS, "download": (2, 100_000_000)}
    make_person(globex, "owner@acme.example", Role.OWNER)
    elsewhere = on_host(globex)
    elsewhere.sign_in("owner@acme.example")
    assert [owner.post("/privacy/export/").status_code for _ in range(3)] == [200, 200, 429]
    assert owner.get("/admin/accounts/auditevent/export/csv/").status_code == 429
    assert elsewhere.post("/privacy/export/").status_code == 200


@pytest.mark.parametrize("by", ["ADDRESS", "ORGANISATION"])
def test_many_people_together_are_counted_too(
    acme: Organisation, make_person: Any, make_key: Any, on_host: Any, settings: Any, by: str, monkeypatch: Any
) -> None:
    monkeypatch.setattr("vena_platform.throttling.WINDOW", 10_000_000_000)
    settings.VENA_API_REQUESTS_PER_MINUTE = 2
    setattr(settings, f"VENA_API_PEOPLE_PER_{by}", 2)
    keys = [make_key(acme, make_person(acme, f"p{number}@example.org")) for number in range(3)]

    def ask(key: str, address: str) -> int:
        sent = {"authorization": f"Bearer {key}"}
        return int(on_host(acme).get("/api/v1/me/", headers=sent, REMOTE_ADDR=address).status_code)

    def address(number: int) -> str:
        return "192.0.2.7" if by == "ADDRESS" else f"192.0.2.{number}"

    assert [ask(keys[number // 2], address(number)) for number in range(5)] == [200, 200, 200, 200, 429]
    if by == "ADDRESS":
        assert ask(keys[2], "192.0.2.8") == 200


def test_a_limit_that_can_not_be_counted_keeps_nobody_out(owner: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import redis

    from vena_platform import limits

    def away(*arguments: object) -> int:
        raise redis.ConnectionError

    monkeypatch.setattr(limits, "counted", away)
    assert owner.post("/privacy/export/").status_code == 200
