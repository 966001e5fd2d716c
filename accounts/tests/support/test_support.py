"""Support comes in with an organisation's leave: to its documents, for a time, once for each entry, and is seen."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone

from accounts.audit.models import AuditEvent
from accounts.models import User
from accounts.people.seats import seats_taken
from accounts.permissions import Role
from accounts.support.tasks import sweep_support
from accounts.websockets import Credential, person
from conftest import PASSWORD
from knowledge.actions import collection_create, document_upload
from knowledge.models import Document
from tenants.context import PUBLIC, entered
from tenants.models import Organisation, SupportGrant
from tenants.support.actions import support_ask, support_grant, support_token, token_redeem
from tenants.support.errors import SupportNotOpen, SupportNotWanted, SupportOpen

PAGE = "/organisation/support/"
ASK = {"act": "ask", "reason": "Ticket 17: a PDF that fails", "minutes": "30"}
OPERATOR = "support-desk@vena.example"


@pytest.fixture
def operator(live_acme: Organisation, on_host: Any) -> Any:
    if not User.objects.filter(email=OPERATOR).exists():  # people of the public schema are not wiped between tests
        User.objects.create_superuser(OPERATOR, PASSWORD, name="Operator")
    host = on_host(None)
    host.force_login(User.objects.get(email=OPERATOR))
    return host


@pytest.fixture
def owner(live_acme: Organisation, make_person: Any, on_host: Any) -> Any:
    make_person(live_acme, "owner@acme.example", Role.OWNER)
    host = on_host(live_acme)
    host.sign_in("owner@acme.example")
    return host


def page_of(organisation: Organisation) -> str:
    return f"/admin/organisations/{organisation.pk}/"


def words(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def come_in(operator: Any, organisation: Organisation, on_host: Any) -> Any:
    """The support person's browser inside."""
    page = operator.post(page_of(organisation), {"act": "enter"}).content.decode()
    found = re.search(r'href="http://acme\.localhost:8000(/support/enter/\?token=[^"]+)"', page)
    assert found
    host = on_host(organisation)
    assert host.get(found.group(1))["Location"] == "/documents/"
    return host


def asked_and_granted(operator: Any, owner: Any, organisation: Organisation, **more: str) -> SupportGrant:
    operator.post(page_of(organisation), {**ASK, **more})
    row = SupportGrant.objects.get(state="asked")
    owner.post(f"{PAGE}{row.pk}/", {"act": "grant"})
    return SupportGrant.objects.get(pk=row.pk)


def actions_in(schema_name: str) -> list[str]:
    with entered(schema_name):
        rows = AuditEvent.objects.filter(action__startswith="support.").exclude(action="support.acted")
        return list(rows.order_by("pk").values_list("action", flat=True))


def test_support_comes_in_with_leave_and_is_seen(
    live_acme: Organisation, operator: Any, owner: Any, on_host: Any
) -> None:
    assert "Asked" in words(operator.post(page_of(live_acme), ASK, follow=True))
    (letter,) = mail.outbox
    assert (letter.bcc, OPERATOR in letter.body, "Ticket 17" in letter.body) == (["owner@acme.example"], True, True)
    assert "/support/enter/" not in words(operator.post(page_of(live_acme), {"act": "enter"}))  # no leave, no way in
    assert f"{OPERATOR} asks to come in" in words(owner.get(PAGE))
    row = SupportGrant.objects.get()
    owner.post(f"{PAGE}{row.pk}/", {"act": "grant"})
    inside = come_in(operator, live_acme, on_host)
    assert "You are Vena's support at Acme until" in words(inside.get("/documents/"))
    assert "Vena's support may be here until" in words(owner.get("/usage/"))
    with entered(live_acme.schema_name):
        user = User.objects.get(is_support=True)
        assert (user.role, user.has_usable_password(), OPERATOR in user.email) == ("editor", False, True)
        acted = AuditEvent.objects.filter(action="support.acted")
        assert acted.filter(target_label="GET /documents/", actor_id=user.pk, detail__operator=OPERATOR).exists()
        assert seats_taken() == 1  # the owner's
    assert str(user.email) not in words(owner.get("/people/"))
    owner.post(f"{PAGE}{row.pk}/", {"act": "end"})
    expected = ["support.asked", "support.granted", "support.entered", "support.ended"]
    assert actions_in(live_acme.schema_name) == expected
    assert actions_in(PUBLIC) == ["support.asked", "support.granted", "support.ended"]
    assert inside.get("/documents/").status_code in {302, 403}
    assert inside.get("/api/v1/documents/").status_code in {401, 403}


@pytest.mark.parametrize(
    "path",
    [
        *("/people/", "/me/keys/", "/usage/", "/billing/", "/privacy/", "/organisation/support/", "/admin/"),
        *("/people/sign-in/", "/accounts/2fa/", "/accounts/sessions/", "/organisation/domains/", "/knowledge/gaps/"),
        *("/api/v1/conversations/", "/api/v1/people/", "/api/v1/usage/", "/api/v1/audit/", "/v1/models", "/c/x/"),
        *("/api/v1/gaps/", "/api/v1/answer-policy/", "/api/docs/", "/scim/v2/Users", "/knowledge/quality/"),
    ],
)
def test_what_is_not_documents_is_shut(
    live_acme: Organisation, operator: Any, owner: Any, on_host: Any, path: str
) -> None:
    asked_and_granted(operator, owner, live_acme, may_change="on")
    inside = come_in(operator, live_acme, on_host)
    assert inside.get(path).status_code == 403
    assert inside.post(path, {}).status_code == 403


def test_leave_to_look_changes_nothing_and_leave_to_change_does(
    live_acme: Organisation, operator: Any, owner: Any, on_host: Any
) -> None:
    with entered(live_acme.schema_name):
        by = User.objects.get(email="owner@acme.example")
        collection = collection_create(name="Policies")
        from django.core.files.uploadedfile import SimpleUploadedFile

        document = document_upload(
            schema_name=live_acme.schema_name,
            collection=collection,
            uploaded_by=by,
            file=SimpleUploadedFile("leave.md", b"# Leave\n\n25 days."),
        )
    asked_and_granted(operator, owner, live_acme)
    inside = come_in(operator, live_acme, on_host)
    address = f"/api/v1/documents/{document.pk}/"
    assert inside.get(address).status_code == 200
    found = inside.post("/api/v1/search/", {"query": "leave"}, content_type="application/json")
    assert found.status_code == 200
    refused = inside.delete(address)
    assert (refused.status_code, refused.json()["code"]) == (403, "not_for_support")
    page = inside.get("/documents/").content.decode()
    assert "data-pick" not in page  # nothing is offered that would be refused
    assert "/api/docs/" not in page
    inside.post("/support/leave/")
    asked_and_granted(operator, owner, live_acme, may_change="on")
    changing = come_in(operator, live_acme, on_host)
    assert "data-pick" in changing.get("/documents/").content.decode()
    assert changing.delete(address).status_code in {202, 204}
    with entered(live_acme.schema_name):
        assert not Document.objects.filter(pk=document.pk).exclude(state="deleting").exists()


def test_an_entry_is_good_once_here_and_for_ten_minutes(
    live_acme: Organisation, live_globex: Organisation, operator: Any, owner: Any, on_host: Any
) -> None:
    row = asked_and_granted(operator, owner, live_acme)
    token = support_token(row, by=OPERATOR)
    assert token_redeem(live_globex, token) is None
    elsewhere = on_host(live_globex)
    assert "login" in elsewhere.get(f"/support/enter/?token={token}")["Location"]
    SupportGrant.objects.update(token_ends_at=timezone.now() - timedelta(seconds=1))
    assert token_redeem(live_acme, token) is None
    token = support_token(row, by=OPERATOR)
    assert token_redeem(live_acme, token) is not None
    assert token_redeem(live_acme, token) is None
    assert token_redeem(live_acme, "") is None


def test_time_that_is_over_opens_nothing_even_before_it_is_swept(
    live_acme: Organisation, operator: Any, owner: Any, on_host: Any
) -> None:
    row = asked_and_granted(operator, owner, live_acme)
    inside = come_in(operator, live_acme, on_host)
    assert inside.get("/documents/").status_code == 200
    SupportGrant.objects.filter(pk=row.pk).update(ends_at=timezone.now() - timedelta(seconds=1))
    refused = inside.get("/documents/")
    assert (refused.status_code, "time for support is over" in words(refused)) == (403, True)
    with pytest.raises(SupportNotOpen):
        support_token(row, by=OPERATOR)
    sweep_support()
    row.refresh_from_db()
    assert row.state == "ended"
    with entered(live_acme.schema_name):
        assert not User.objects.get(is_support=True).is_active
    assert actions_in(live_acme.schema_name)[-1] == "support.ended"


def test_the_session_of_support_opens_no_socket_and_no_other_organisation(
    live_acme: Organisation, live_globex: Organisation, operator: Any, owner: Any, on_host: Any
) -> None:
    asked_and_granted(operator, owner, live_acme)
    inside = come_in(operator, live_acme, on_host)
    key = (
        inside.cookies["vena_session"].value
        if "vena_session" in inside.cookies
        else next(morsel.value for name, morsel in inside.cookies.items() if "session" in name)
    )
    with entered(live_acme.schema_name):
        assert person(Credential(session_key=key, api_key="")) is None
    other = on_host(live_globex)
    other.cookies.update(inside.cookies)
    assert other.get("/api/v1/documents/").status_code in {401, 403}


def test_who_is_refused_or_not_wanted_does_not_come_in(
    live_acme: Organisation, operator: Any, owner: Any, on_host: Any
) -> None:
    operator.post(page_of(live_acme), ASK)
    row = SupportGrant.objects.get()
    with pytest.raises(SupportOpen):
        support_ask(live_acme, reason="again", minutes=15, may_change=False, by=OPERATOR)
    owner.post(f"{PAGE}{row.pk}/", {"act": "refuse"})
    with pytest.raises(SupportNotOpen):
        support_grant(row)
    assert "/support/enter/" not in words(operator.post(page_of(live_acme), {"act": "enter"}))
    owner.post(f"{PAGE}switch/", {"act": "off"})
    with pytest.raises(SupportNotWanted):
        support_ask(live_acme, reason="again", minutes=15, may_change=False, by=OPERATOR)
    assert "switched off access by support" in words(operator.post(page_of(live_acme), ASK))
    owner.post(PAGE, {"reason": "Look at our import", "minutes": "15"})  # they still may let somebody in themselves
    assert come_in(operator, live_acme, on_host).get("/documents/").status_code == 200
    owner.post(f"{PAGE}switch/", {"act": "off"})
    assert not SupportGrant.objects.filter(state="granted").exists()


def test_leave_of_another_organisation_is_not_there_to_decide(
    live_acme: Organisation, live_globex: Organisation, operator: Any, owner: Any
) -> None:
    theirs = support_ask(live_globex, reason="x", minutes=15, may_change=False, by=OPERATOR)
    owner.post(f"{PAGE}{theirs.pk}/", {"act": "grant"})
    theirs.refresh_from_db()
    assert theirs.state == "asked"
    assert str(theirs.pk) not in words(owner.get(PAGE))
