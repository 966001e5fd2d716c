"""An organisation's look: who changes it, where it shows, and that it is nobody else's."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.core import mail
from PIL import Image

from accounts.audit.models import AuditEvent
from accounts.models import User
from accounts.permissions import Role
from tenants.branding.colours import LIGHT, shades_of
from tenants.context import entered
from tenants.models import Branding, Organisation

PAGE = "/organisation/branding/"
FORM = {
    "name": "Acme & Sons",
    "assistant_name": "Ada",
    "accent": "#AA2244",
    "support_email": "help@acme.example",
    "support_url": "https://acme.example/help",
}


@pytest.fixture
def owner(acme: Organisation, make_person: Any, on_host: Any) -> Any:
    make_person(acme, "owner@acme.example", Role.OWNER)
    host = on_host(acme)
    host.sign_in("owner@acme.example")
    return host


@pytest.fixture
def neighbour(globex: Organisation, make_person: Any, on_host: Any) -> Any:
    make_person(globex, "owner@globex.example", Role.OWNER)
    host = on_host(globex)
    host.sign_in("owner@globex.example")
    return host


def png(name: str = "logo.png") -> io.BytesIO:
    out = io.BytesIO()
    Image.new("RGB", (64, 32), "#aa2244").save(out, "PNG")
    out.seek(0)
    out.name = name
    return out


def text_of(response: Any) -> str:
    return str(response.content.decode())


def test_it_shows_on_every_kind_of_page_and_on_no_other_host(
    owner: Any, neighbour: Any, on_host: Any, acme: Any
) -> None:
    # given
    before = {path: text_of(neighbour.get(path)) for path in ("/documents/", "/accounts/login/", "/admin/")}
    # when
    assert owner.post(PAGE, {**FORM, "logo": png()}).status_code == 302
    # then
    for page in (owner.get("/"), owner.get("/documents/"), owner.get("/admin/"), owner.get("/api/docs/")):
        assert "Acme &amp; Sons" in text_of(page)
        assert "/brand.css?v=1" in text_of(page)
        assert "/brand/logo?v=1" in text_of(page) or "/admin/" not in page.request["PATH_INFO"]
    entrance = text_of(on_host(acme).get("/accounts/login/"))
    assert "Acme &amp; Sons" in entrance
    assert "/brand/logo?v=1" in entrance
    assert "https://acme.example/help" in entrance
    assert "Ada" in text_of(owner.get("/documents/"))
    # and the neighbour's pages and files are as they were
    for path, text in before.items():
        after = text_of(neighbour.get(path))
        assert "/brand.css" not in after
        assert "/brand/logo" not in after
        assert "Acme" not in after
        assert len(after) == pytest.approx(len(text), abs=200)  # tokens differ
    assert neighbour.get("/brand/logo").status_code == 404
    assert neighbour.get("/brand.css").content == b""


def test_the_style_sheet_and_the_logo_are_kept_by_version_and_open_to_strangers(
    owner: Any, acme: Any, on_host: Any
) -> None:
    owner.post(PAGE, {**FORM, "logo": png()})
    stranger = on_host(acme)
    sheet, logo = stranger.get("/brand.css?v=1"), stranger.get("/brand/logo?v=1")
    assert shades_of("#aa2244", LIGHT).accent in text_of(sheet)
    assert (sheet["Content-Type"], logo["Content-Type"]) == ("text/css; charset=utf-8", "image/png")
    assert "immutable" in sheet["Cache-Control"]
    assert stranger.get("/brand.css?v=2")["Cache-Control"] == "no-cache"
    assert logo["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in logo["Content-Security-Policy"]
    assert "script-src" not in logo["Content-Security-Policy"]
    # a change has an address of its own
    owner.post(PAGE, {**FORM, "accent": "#225588", "has_no_logo": "on"})
    assert stranger.get("/brand/logo").status_code == 404
    assert "/brand.css?v=2" in text_of(owner.get("/documents/"))


def test_pages_need_no_inline_style(owner: Any) -> None:
    owner.post(PAGE, FORM)
    page = owner.get("/documents/")
    assert "'unsafe-inline'" not in page["Content-Security-Policy"]
    assert "<style" not in text_of(page)
    assert "style=" not in text_of(page)


def test_letters_say_whose_they_are_and_where_help_is(
    live_acme: Organisation, live_globex: Organisation, make_person: Any, on_host: Any
) -> None:
    hosts = []
    for one in (live_acme, live_globex):
        make_person(one, "owner@there.example", Role.OWNER)
        hosts.append(on_host(one))
        hosts[-1].sign_in("owner@there.example")
    hosts[0].post(PAGE, FORM)
    for host in hosts:
        host.post("/people/invitations/", {"email": "new@there.example", "role": "member"})
    ours, theirs = mail.outbox[-2:]
    assert "Acme & Sons" in str(ours.body)
    assert "Help: help@acme.example, https://acme.example/help" in ours.body
    assert "on Vena" not in ours.subject
    assert "acme" not in f"{theirs.subject}{theirs.body}".lower()
    assert "on Vena" in theirs.subject


def test_what_was_changed_is_in_the_log_of_this_organisation_alone(owner: Any, acme: Any, globex: Any) -> None:
    owner.post(PAGE, FORM)
    owner.post(PAGE, FORM)
    with entered(acme.schema_name):
        (entry,) = AuditEvent.objects.filter(action="branding.changed")
    assert entry.detail == {"fields": ["accent", "assistant_name", "name", "support_email", "support_url"]}
    with entered(globex.schema_name):
        assert not AuditEvent.objects.filter(action="branding.changed").exists()


BAD = {
    "accent-word": {"accent": "red"},
    "accent-breaks-out": {"accent": "#aa2244}"},
    "no-name": {"name": " "},
    "name-on-two-lines": {"name": "Acme\r\nBcc: x@evil.example"},
    "script-address": {"support_url": "javascript:alert(1)"},
    "no-address": {"support_email": "help"},
    "assistant-too-long": {"assistant_name": "A" * 41},
}


@pytest.mark.parametrize("change", BAD.values(), ids=BAD)
def test_what_makes_no_sense_is_refused_with_words(owner: Any, change: dict[str, str]) -> None:
    response = owner.post(PAGE, {**FORM, **change})
    assert response.status_code == 422
    assert "field-errors" in text_of(response)
    assert not Branding.objects.exists()


def test_a_logo_with_a_script_is_refused_whatever_it_is_called(owner: Any) -> None:
    file = io.BytesIO(b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>')
    file.name = "logo.png"
    response = owner.post(PAGE, {**FORM, "logo": file})
    assert response.status_code == 422
    assert "holds more than shapes" in text_of(response)
    assert owner.get("/brand/logo").status_code == 404


def test_the_preview_says_the_ratio_before_anything_is_saved(owner: Any) -> None:
    light, dark = owner.get(f"{PAGE}shades/?accent=%23FFD400").json()["themes"]
    assert (light["theme"], light["is_changed"]) == ("light", True)
    assert "4.5 is needed" in light["words"]
    assert light["tokens"]["--vein"] == shades_of("#ffd400", LIGHT).accent
    assert dark["is_changed"] is False
    assert owner.get(f"{PAGE}shades/?accent=%23FFD40").status_code == 422
    assert not Branding.objects.exists()


def test_without_a_colour_nothing_is_said_of_contrast(owner: Any) -> None:
    for query in ("", "?accent_dark=%23111111"):
        themes = owner.get(f"{PAGE}shades/{query}").json()["themes"]
        assert [(one["is_changed"], one["tokens"]) for one in themes] == [(False, {})] * 2
        assert all("own colours" in one["words"] for one in themes)


def test_a_saved_colour_that_can_not_be_read_is_told(owner: Any) -> None:
    response = owner.post(PAGE, {**FORM, "accent": "#ffd400"}, follow=True)
    assert "4.5 is needed" in text_of(response)


@pytest.mark.parametrize("role", ["editor", "finance", "member", "viewer"])
def test_others_change_nothing(acme: Organisation, make_person: Any, on_host: Any, role: str) -> None:
    person: User = make_person(acme, f"{role}@acme.example", Role(role))
    host = on_host(acme)
    host.sign_in(person.email)
    assert host.post(PAGE, FORM).status_code == 403
    assert not Branding.objects.exists()


def test_the_rows_of_a_suspended_organisation_still_dress_its_sign_in(
    owner: Any, acme: Organisation, on_host: Any
) -> None:
    owner.post(PAGE, FORM)
    Organisation.objects.filter(pk=acme.pk).update(state=Organisation.State.SUSPENDED)
    assert on_host(acme).get("/brand.css?v=1").status_code == 200
    assert on_host(acme).get("/documents/").status_code == 403
