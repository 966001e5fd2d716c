"""Invitations: a link for one mailbox, once, within a week; lists that are taken whole or not at all; own domains."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from accounts.errors import ListTooLong, ListUnreadable
from accounts.invitations.csv_files import MAX_LINES, read_people
from accounts.models import Group, Invitation, User
from accounts.permissions import Role
from tenants.context import entered
from tenants.models import Organisation

MakePerson = Callable[..., User]
API = "/api/v1/invitations/"
NEW = {"name": "Nell New", "password": "a password of my own"}


@pytest.fixture
def admin(live_acme: Organisation, make_person: MakePerson, on_host: Any) -> Any:
    """Rows are committed, so that letters leave."""
    person = make_person(live_acme, "admin@acme.example", Role.ADMIN)
    host = on_host(live_acme)
    with entered(live_acme.schema_name):
        host.force_login(person)
    return host


def invite(host: Any, email: str = "New@Acme.example", **more: Any) -> Any:
    return host.post(API, {"email": email, **more}, content_type="application/json")


def links() -> list[str]:
    return [
        found for letter in mail.outbox for found in re.findall(r"http://acme\.localhost:8000(\S+)", str(letter.body))
    ]


def test_an_invitation_lets_one_mailbox_in_once(live_acme: Organisation, admin: Any, on_host: Any) -> None:
    with entered(live_acme.schema_name):
        group = Group.objects.create(name="Board")
    made = invite(admin, role="finance", groups=[str(group.pk)])
    assert (made.status_code, made.json()["email"]) == (201, "new@acme.example")
    assert [letter.to for letter in mail.outbox] == [["new@acme.example"]]
    (link,) = links()
    newcomer = on_host(live_acme)
    page = newcomer.get(link)
    assert "new@acme.example" in page.content.decode()
    assert page["Referrer-Policy"] == "same-origin"  # the address holds the token
    assert newcomer.post(link, {**NEW, "password": "short"}).status_code == 200  # said on the page
    assert newcomer.post(link, NEW)["Location"] == "/"
    me = newcomer.get("/api/v1/me/").json()
    assert (me["email"], me["name"], me["role"]) == ("new@acme.example", "Nell New", "finance")
    with entered(live_acme.schema_name):
        user = User.objects.get(email="new@acme.example")
        assert list(user.member_of.all()) == [group]
        assert EmailAddress.objects.get(user=user).verified
    again = on_host(live_acme).post(link, NEW)
    assert again.status_code == 410
    assert "no longer works" in again.content.decode()
    signed = on_host(live_acme)
    signed.sign_in("new@acme.example", NEW["password"])
    assert signed.get("/api/v1/me/").status_code == 200


def test_only_a_hash_of_the_token_is_kept(live_acme: Organisation, admin: Any) -> None:
    invite(admin)
    token = links()[0].strip("/").rpartition("/")[2]
    assert len(token) >= 43  # 256 bits
    with entered(live_acme.schema_name), connection.cursor() as cursor:
        cursor.execute("SELECT i::text FROM accounts_invitation i")
        rows = [text for (text,) in cursor.fetchall()]
    assert len(rows) == 1
    assert token not in rows[0]
    assert token not in admin.get("/people/invitations/").content.decode()
    assert token not in admin.get(API).content.decode()


@pytest.mark.parametrize("end", ["expired", "revoked", "replaced", "elsewhere"])
def test_a_link_that_is_over_opens_nothing(
    live_acme: Organisation, live_globex: Organisation, admin: Any, on_host: Any, end: str
) -> None:
    row = invite(admin).json()["id"]
    (link,) = links()
    host = on_host(live_globex if end == "elsewhere" else live_acme)
    if end == "expired":
        with entered(live_acme.schema_name):
            Invitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    elif end == "revoked":
        assert admin.delete(f"{API}{row}/").status_code == 204
    elif end == "replaced":
        assert admin.post(f"{API}{row}/resend/").status_code == 200
    assert host.get(link).status_code == 410
    assert host.post(link, NEW).status_code == 410
    for organisation in (live_acme, live_globex):
        with entered(organisation.schema_name):
            assert not User.objects.filter(email="new@acme.example").exists()
    if end == "replaced":
        assert host.post(links()[1], NEW).status_code == 302


def test_an_expired_one_can_be_sent_again(live_acme: Organisation, admin: Any, on_host: Any) -> None:
    row = invite(admin).json()["id"]
    with entered(live_acme.schema_name):
        Invitation.objects.update(expires_at=timezone.now() - timedelta(days=1))
    assert admin.get(API).json()["results"][0]["is_expired"]
    assert admin.post(f"{API}{row}/resend/").json()["is_expired"] is False
    host = on_host(live_acme)
    assert host.post(links()[1], NEW).status_code == 302
    assert admin.post(f"{API}{row}/resend/").json()["code"] == "invitation_spent"


@pytest.mark.parametrize(
    ("email", "role", "code"),
    [
        ("admin@acme.example", "member", "person_exists"),
        ("waiting@acme.example", "member", "already_invited"),
        ("boss@acme.example", "owner", "role_not_yours"),
        ("no address", "member", "invalid"),
    ],
)
def test_what_is_refused_sends_nothing(admin: Any, email: str, role: str, code: str) -> None:
    invite(admin, "waiting@acme.example")
    mail.outbox.clear()
    assert invite(admin, email, role=role).json()["code"] == code
    assert mail.outbox == []


def test_a_letter_that_cannot_be_sent_is_told(admin: Any, settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9  # nobody listens
    invite(admin)
    assert admin.get(API).json()["results"][0]["sending_failed"] is True
    assert "Could not be sent" in admin.get("/people/invitations/").content.decode()


# -- lists ----------------------------------------------------------------------------------------

GOOD = "E-mail;Name;Role;Groups\nann@acme.example;Ann;Knowledge editor;Board\nben@acme.example;;;\n"
BAD = "email,name,role,groups\nann@acme.example,Ann,member,Board\nnobody,,,\nben@acme.example,,chief,\n" + (
    "ann@acme.example,,,\nadmin@acme.example,,,\ncat@acme.example,,owner,\ndan@acme.example,,,Nowhere\n"
)


def send(host: Any, text: str) -> Any:
    return host.post(f"{API}import/", {"file": SimpleUploadedFile("people.csv", text.encode("utf-8-sig"))})


def test_a_good_list_invites_everybody(live_acme: Organisation, admin: Any) -> None:
    with entered(live_acme.schema_name):
        Group.objects.create(name="board")
    answer = send(admin, GOOD)
    assert (answer.status_code, answer.json()) == (201, {"invited": 2, "problems": []})
    assert sorted(letter.to[0] for letter in mail.outbox) == ["ann@acme.example", "ben@acme.example"]
    with entered(live_acme.schema_name):
        ann = Invitation.objects.get(email="ann@acme.example")
        assert (ann.name, ann.role, [group.name for group in ann.groups.all()]) == ("Ann", "editor", ["board"])


def test_a_list_with_problems_invites_nobody_and_tells_each(live_acme: Organisation, admin: Any) -> None:
    with entered(live_acme.schema_name):
        Group.objects.create(name="Board")
    answer = send(admin, BAD)
    assert answer.status_code == 400
    assert answer.json()["invited"] == 0
    assert [problem["line"] for problem in answer.json()["problems"]] == [3, 4, 5, 6, 7, 8]
    assert mail.outbox == []
    with entered(live_acme.schema_name):
        assert not Invitation.objects.exists()
    page = admin.post("/people/invitations/list/", {"file": SimpleUploadedFile("people.csv", BAD.encode())})
    assert "Line 8: There is no group “Nowhere”." in page.content.decode()


def test_lists_that_are_none_or_too_long_are_refused() -> None:
    for data in (b"", b"\n\n", b"name,role\nAnn,member\n", b"\x00\xff\xfe"):
        with pytest.raises(ListUnreadable):
            read_people(data)
    with pytest.raises(ListTooLong):
        read_people(b"email\n" + b"".join(b"p%d@acme.example\n" % n for n in range(MAX_LINES + 1)))
    with pytest.raises(ListTooLong):
        read_people(b"email\n" + b" " * 1024 * 1024)


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for head in (b"", b"email,name,role,groups\n"):
        try:
            found = read_people(head + data)
        except ListUnreadable:
            continue
        numbers = [line.number for line in found.lines] + [problem.number for problem in found.problems]
        assert len(numbers) == len(set(numbers))
        assert len({line.email for line in found.lines}) == len(found.lines)


# -- joining by domain ----------------------------------------------------------------------------


def ask(host: Any, email: str) -> str:
    page = host.post("/join/", {"email": email})
    assert page.status_code == 200
    return re.sub(r'value="[^"]*"', "", page.content.decode())  # the CSRF token


def test_a_mailbox_of_an_own_domain_lets_itself_in(live_acme: Organisation, admin: Any, on_host: Any) -> None:
    host = on_host(live_acme)
    assert "By invitation only" in host.get("/join/").content.decode()
    saved = admin.post("/people/invitations/joining/", {"domains": "@Acme.example, acme.test", "role": "viewer"})
    assert saved.status_code == 302
    told = {ask(host, email) for email in ("New@acme.example", "admin@acme.example", "eve@evil.example")}
    assert len(told) == 1  # who may come, and who is here, is not told
    assert "Look into your mailbox" in told.pop()
    assert [letter.to for letter in mail.outbox] == [["new@acme.example"]]
    ask(host, "new@acme.example")
    assert len(mail.outbox) == 1  # nobody's mailbox is filled
    assert host.post(links()[0], NEW).status_code == 302
    assert host.get("/api/v1/me/").json()["role"] == "viewer"


def test_joining_counts_in_its_own_organisation_only(
    live_acme: Organisation, live_globex: Organisation, admin: Any, on_host: Any
) -> None:
    admin.post("/people/invitations/joining/", {"domains": "acme.example", "role": "member"})
    ask(on_host(live_globex), "new@acme.example")
    assert mail.outbox == []


@pytest.mark.parametrize(
    "wrong", [{"domains": "gmail.com"}, {"domains": "com"}, {"domains": "a b.example"}, {"role": "admin"}], ids=str
)
def test_domains_and_roles_that_would_let_in_anybody_are_refused(
    live_acme: Organisation, admin: Any, on_host: Any, wrong: dict[str, str]
) -> None:
    answer = admin.post("/people/invitations/joining/", {"domains": "acme.example", "role": "member", **wrong})
    assert answer.status_code == 200  # the form again
    assert "By invitation only" in on_host(live_acme).get("/join/").content.decode()
