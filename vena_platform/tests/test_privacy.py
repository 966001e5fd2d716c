"""What is kept about a person: downloaded, erased without a trace, kept no longer than wanted, read only with leave."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO
from typing import Any
from uuid import UUID, uuid4
from zipfile import ZipFile

import pytest
import redis
from django.apps import apps
from django.conf import settings
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from accounts.audit.chain import chain_verify
from accounts.audit.models import AuditEvent
from accounts.models import ErasureReceipt, Invitation, PrivacySettings, User
from accounts.permissions import Role
from billing.metering import record_usage
from billing.models import UsageEvent
from billing.rollups import day_roll
from billing.types import UsageRecord
from chat.models import Conversation, Feedback, GapQuestion, KnowledgeGap
from chat.relay import stream_key
from chat.tests.stored import talk
from knowledge.actions import document_upload
from knowledge.models import Collection, Document, DocumentVersion
from knowledge.providers.loops import run_in_loop
from knowledge.providers.registry import vector_index
from knowledge.selectors import library_of
from tenants.context import entered
from tenants.models import Organisation
from vena_platform.privacy.collecting import LABEL, OUR_APPS, SECTIONS, label_fields
from vena_platform.tasks import apply_retention, apply_retention_everywhere

SECRET_WORDS = "Is my illness covered by the insurance?"  # noqa: S105
NAME = "ada@example.org"
PRIVACY = "/privacy/"


@dataclass
class Household:
    """Ada with something in every store of an organisation, and its owner's browser."""

    organisation: Organisation
    ada: User
    owner: Any
    own: Any
    conversation: Any = None
    document: Any = None


@pytest.fixture
def household(live: None, make_person: Any, make_key: Any, ready_index: Any, on_host: Any) -> Callable[..., Household]:
    def make(organisation: Organisation) -> Household:
        ready_index(organisation)
        boss, ada = make_person(organisation, "boss@example.org", Role.OWNER), make_person(organisation, NAME)
        make_key(organisation, ada)
        owner, own = on_host(organisation), on_host(organisation)
        owner.sign_in(boss.email)
        own.sign_in(ada.email)
        home = Household(organisation, ada, owner, own)
        with entered(organisation.schema_name):
            fill(home)
        return home

    return make


def call(organisation: Organisation, member: UUID) -> UsageRecord:
    return UsageRecord(
        key=uuid4(),
        tenant=organisation.key,
        kind="chat",
        outcome="complete",
        provider="openai",
        model="gpt-4o",
        input_tokens=9,
        cached_input_tokens=0,
        output_tokens=3,
        member_id=member,
        member_label=NAME,
    )


def fill(home: Household) -> None:
    home.conversation = talk(home.ada, (SECRET_WORDS, "It is not in your documents."))
    answer = home.conversation.messages.get(role="assistant")
    Feedback.objects.create(message=answer, rating=-1, comment="Ada says no")
    gap = KnowledgeGap.objects.create(topic=SECRET_WORDS, status="planned")
    GapQuestion.objects.create(gap=gap, answer=answer, text=SECRET_WORDS)
    home.document = document_upload(
        schema_name=home.organisation.schema_name,
        collection=Collection.objects.create(name="Documents"),
        uploaded_by=home.ada,
        file=SimpleUploadedFile("note.md", b"# Note\n\nThe lamp is lit at dusk."),
    )
    record_usage([call(home.organisation, home.ada.pk)])
    day_roll(timezone.now().date())
    for email, by in ((home.ada.email, "olive@example.org"), ("bob@example.org", home.ada.email)):
        Invitation.objects.create(email=email, invited_by_label=by, role="member", expires_at=timezone.now())
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        client.xadd(stream_key(home.organisation.schema_name, answer.pk), {"f": SECRET_WORDS})


def dump(organisation: Organisation) -> str:
    """Every row of every table of the organisation, and of the ledger, as text."""
    with entered("public"), connection.cursor() as cursor:
        schema = organisation.schema_name
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", [schema])
        texts = []
        for (table,) in cursor.fetchall():
            cursor.execute(f'SELECT coalesce(string_agg(t::text, chr(10)), \'\') FROM "{schema}"."{table}" t')
            texts.append(cursor.fetchone()[0])
        for table in ("billing_usageevent", "billing_dailyusage", "billing_budget"):
            cursor.execute(
                f"SELECT coalesce(string_agg(e::text, chr(10)), '') FROM {table} e WHERE organisation_id = %s",
                [organisation.pk],
            )
            texts.append(cursor.fetchone()[0])
        return "\n".join(texts)


def keys(organisation: Organisation) -> list[bytes]:
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        return list(client.scan_iter(f"{settings.VENA_REDIS_PREFIX}:{organisation.schema_name}:answer:*"))


def points(organisation: Organisation) -> int:
    return len(run_in_loop(vector_index().point_ids(library_of(organisation).space)))


def archive(response: Any) -> ZipFile:
    assert response.status_code == 200
    assert response["Content-Disposition"].startswith("attachment")
    return ZipFile(BytesIO(b"".join(response)))


def person_in(package: ZipFile) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(package.read("person.json"))
    return found


# -- downloading ----------------------------------------------------------------------------------


def test_a_person_downloads_what_is_kept_about_them(live_acme: Organisation, household: Any) -> None:
    home = household(live_acme)
    package = archive(home.own.post(f"{PRIVACY}export/"))
    person = person_in(package)
    assert set(person) == {*SECTIONS, "files"}
    assert person["profile"]["email"] == NAME
    assert person["conversations"][0]["messages"][0]["text"] == SECRET_WORDS
    assert person["conversations"][0]["messages"][1]["feedback"]["comment"] == "Ada says no"
    assert person["unanswered_questions"][0]["text"] == SECRET_WORDS
    assert [one["title"] for one in person["documents"]] == ["note"]
    assert b"lamp is lit" in package.read(person["files"][0]["file"])
    assert sorted(one["kind"] for one in person["usage"]) == ["chat", "embedding"]  # of the upload
    assert (len(person["api_keys"]), len(person["sessions"])) == (1, 1)
    assert "sign_in.succeeded" in [one["action"] for one in person["audit_log"]]
    text = json.dumps(person)
    assert "password" not in text
    assert "secret_hash" not in text
    assert "boss@example.org" not in text


def test_who_manages_people_downloads_it_without_the_words(live_acme: Organisation, household: Any) -> None:
    home = household(live_acme)
    response = home.owner.post(f"{PRIVACY}people/{home.ada.pk}/export/")
    package = archive(response)
    assert SECRET_WORDS not in package.read("person.json").decode()
    assert person_in(package)["conversations"]["count"] == 1
    with entered(live_acme.schema_name):
        row = AuditEvent.objects.get(action="person.exported")
    assert (row.target_id, row.detail) == (str(home.ada.pk), {"has_conversations": False, "files": 1})


def test_members_manage_nobody(acme: Organisation, make_person: Any, on_host: Any) -> None:
    make_person(acme)
    other = make_person(acme, "other@example.org")
    host = on_host(acme)
    host.sign_in(NAME)
    assert "People" not in host.get(PRIVACY).content.decode()
    for path in ("settings/", f"people/{other.pk}/export/", f"people/{other.pk}/erase/"):
        assert host.post(PRIVACY + path, {"confirm": other.email}).status_code == 403
    assert host.get(f"{PRIVACY}people/{other.pk}/").status_code == 403
    assert host.post(f"{PRIVACY}people/{other.pk}/conversations/", {"reason": "because I want to"}).status_code == 403


# -- erasing --------------------------------------------------------------------------------------


def erase(home: Household, **more: str) -> ErasureReceipt:
    response = home.owner.post(f"{PRIVACY}people/{home.ada.pk}/erase/", {"confirm": NAME, **more})
    assert response.status_code == 302
    with entered(home.organisation.schema_name):
        return ErasureReceipt.objects.get()


def test_nothing_of_an_erased_person_is_left(
    live_acme: Organisation, live_globex: Organisation, household: Any
) -> None:
    # given
    home, other = household(live_acme), household(live_globex)
    elsewhere, before = dump(live_globex), dump(live_acme)
    assert NAME in before
    assert SECRET_WORDS in before
    # when
    receipt = erase(home)
    # then
    left = dump(live_acme).lower()
    for trace in (NAME, SECRET_WORDS, "ada says", "'ada'", "(ada"):
        assert trace.lower() not in left
    assert keys(live_acme) == []
    assert receipt.finished_at
    assert set(receipt.left.values()) == {0}
    numbers = receipt.removed
    assert (numbers["conversations"], numbers["messages"], numbers["api_keys"], numbers["sessions"]) == (1, 2, 1, 1)
    assert (numbers["ledger_labels"], numbers["cache_keys"], numbers["question_vectors"]) == (4, 1, 1)
    assert (numbers["labels"], numbers["invitations"]) == (3, 1)  # the document, its version, an invitation they sent
    assert numbers["audit_labels"] > 0
    assert home.own.get("/api/v1/me/").status_code == 401
    # and the organisation keeps its document, the books their sums, the log its entries
    with entered(live_acme.schema_name):
        assert Document.objects.get().uploaded_by_label == "erased"
        assert KnowledgeGap.objects.get().topic == "A question of somebody who was erased"
        assert chain_verify().is_whole
        assert AuditEvent.objects.filter(action="person.erased", target_id=str(home.ada.pk)).count() == 1
    event = UsageEvent.objects.get(organisation_id=live_acme.pk, kind="chat")
    assert (event.member_label, event.member_id, event.input_tokens) == ("erased", home.ada.pk, 9)
    # and the other organisation's Ada lost nothing
    assert dump(live_globex) == elsewhere
    assert len(keys(live_globex)) == 1
    assert other.own.get("/api/v1/me/").status_code == 200
    shown = home.owner.get(f"{PRIVACY}receipts/{receipt.pk}/").json()
    assert (shown["removed"], shown["left"]) == (receipt.removed, receipt.left)


def test_their_documents_go_too_if_wanted(live_acme: Organisation, household: Any) -> None:
    home = household(live_acme)
    with entered(live_acme.schema_name):
        path = DocumentVersion.objects.get().file.name
    assert points(live_acme) == 1
    receipt = erase(home, with_documents="on")
    numbers = receipt.removed
    assert (numbers["documents"], numbers["document_vectors"], numbers["files"]) == (1, 1, 1)
    assert points(live_acme) == 0
    with entered(live_acme.schema_name):
        assert not Document.objects.exists()
        assert not default_storage.exists(str(path))


@pytest.mark.parametrize("confirm", ["", "boss@example.org", "ada"])
def test_a_slip_erases_nobody(acme: Organisation, make_person: Any, owner: Any, confirm: str) -> None:
    ada = make_person(acme)
    response = owner.post(f"{PRIVACY}people/{ada.pk}/erase/", {"confirm": confirm})
    assert response.status_code == 400
    with entered(acme.schema_name):
        assert User.objects.get(pk=ada.pk).is_active


@pytest.mark.parametrize("who", ["oneself", "owner"])
def test_who_may_not_be_erased(acme: Organisation, make_person: Any, on_host: Any, who: str) -> None:
    admin, boss = make_person(acme, "admin@example.org", Role.ADMIN), make_person(acme, "b@example.org", Role.OWNER)
    host = on_host(acme)
    host.sign_in(admin.email)
    victim = admin if who == "oneself" else boss
    assert host.post(f"{PRIVACY}people/{victim.pk}/erase/", {"confirm": victim.email}).status_code == 409
    with entered(acme.schema_name):
        assert User.objects.filter(is_active=True).count() == 2


# Erased in ways of their own: the row itself, and the audit log by its own rule.
OF_THEMSELVES = {"User.email", "Invitation.email", "AuditEvent.target_label", "AuditEvent.actor_label"}


def test_every_label_of_a_person_is_found_by_its_name() -> None:
    """Fields that keep who did something must end so that erasing finds them."""
    fields = {
        f"{model.__name__}.{field.name}"
        for name in OUR_APPS
        for model in apps.get_app_config(name).get_models()
        for field in model._meta.local_concrete_fields
        if field.name.endswith("_label") or "email" in field.name
    } - OF_THEMSELVES
    found = {
        f"{model.__name__}.{field}"
        for name in OUR_APPS
        for model in apps.get_app_config(name).get_models()
        for field in label_fields(model)
    }
    assert fields == found
    assert len(found) >= 6
    assert all(one.endswith(LABEL) for one in found)


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE billing_usageevent SET member_label = 'somebody else'",
        "UPDATE billing_usageevent SET member_label = 'erased', cost_gbp = 0",
        "UPDATE billing_usageevent SET member_id = NULL, member_label = 'erased'",
        "DELETE FROM billing_usageevent",
    ],
    ids=["other-name", "cost", "member", "delete"],
)
def test_the_ledger_lets_go_of_a_name_and_of_nothing_else(acme: Organisation, sql: str) -> None:
    record_usage([call(acme, uuid4())])
    with pytest.raises(DatabaseError, match="append only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)
    assert UsageEvent.objects.get().member_label == NAME


# -- keeping no longer than wanted ----------------------------------------------------------------


def test_what_is_too_old_goes_at_night(live_acme: Organisation, live_globex: Organisation, household: Any) -> None:
    # given
    homes = [household(live_acme), household(live_globex)]
    assert (
        homes[0].owner.post(f"{PRIVACY}settings/", {"conversation_days": "30", "document_days": "60"}).status_code
        == 302
    )
    for home in homes:
        with entered(home.organisation.schema_name):
            talk(home.ada, ("Is this new?", "Yes."))
            Conversation.objects.filter(pk=home.conversation.pk).update(
                updated_at=timezone.now() - timedelta(days=31), pinned_at=timezone.now()
            )
            DocumentVersion.objects.update(created_at=timezone.now() - timedelta(days=61))
    # when
    apply_retention_everywhere()
    apply_retention(schema_name=live_acme.schema_name)  # again: nothing more to do
    # then
    with entered(live_acme.schema_name):
        assert [row.title for row in Conversation.objects.all()] == ["Is this new?"]
        assert not Document.objects.exists()
        row = AuditEvent.objects.get(action="privacy.retention_applied")
        assert row.detail == {"conversations": 1, "documents": 1}
    assert points(live_acme) == 0
    with entered(live_globex.schema_name):  # which set no rules
        assert (Conversation.objects.count(), Document.objects.count()) == (2, 1)


@pytest.mark.parametrize("days", ["0", "-1", "x", "99999999"])
def test_rules_that_make_no_sense_are_refused(owner: Any, acme: Organisation, days: str) -> None:
    assert owner.post(f"{PRIVACY}settings/", {"conversation_days": days}).status_code == 422
    with entered(acme.schema_name):
        assert not PrivacySettings.objects.exists()


# -- reading members' conversations ---------------------------------------------------------------

REASON = {"reason": "A complaint of 3 May"}


@pytest.fixture
def asked(acme: Organisation, make_person: Any) -> tuple[User, Conversation]:
    ada = make_person(acme)
    with entered(acme.schema_name):
        return ada, talk(ada, (SECRET_WORDS, "No."))


def read(owner: Any, asked: tuple[User, Conversation], **form: str) -> tuple[Any, Any]:
    ada, conversation = asked
    return (
        owner.post(f"{PRIVACY}people/{ada.pk}/conversations/", form),
        owner.post(f"{PRIVACY}conversations/{conversation.pk}/", form),
    )


def test_nobody_reads_them_unless_the_organisation_says_so(
    acme: Organisation, owner: Any, asked: tuple[User, Conversation]
) -> None:
    for response in read(owner, asked, **REASON):
        assert response.status_code == 403
        assert SECRET_WORDS not in response.content.decode()
    assert owner.get(f"/c/{asked[1].pk}/").status_code == 404


def test_with_leave_and_a_reason_they_are_read_and_that_is_kept(
    acme: Organisation, owner: Any, asked: tuple[User, Conversation], on_host: Any
) -> None:
    # given
    member = on_host(acme)
    member.sign_in(NAME)
    assert "data-read-by-admins" not in member.get("/").content.decode()
    owner.post(f"{PRIVACY}settings/", {"admins_may_read": "on"})
    # when
    for response in read(owner, asked, reason=" why "):
        assert response.status_code == 400
        assert SECRET_WORDS not in response.content.decode()
    for response in read(owner, asked, **REASON):
        assert response.status_code == 200
        assert SECRET_WORDS in response.content.decode()
        assert "no-store" in response["Cache-Control"]
    # then
    with entered(acme.schema_name):
        changed, listed, opened = AuditEvent.objects.exclude(action__startswith="sign_in").order_by("id")
    assert (changed.action, changed.detail) == ("privacy.changed", {"admins_may_read": True})
    assert (listed.action, listed.detail) == ("conversation.listed_by_admin", {"reason": REASON["reason"]})
    assert opened.action == "conversation.read_by_admin"
    assert (opened.target_id, opened.detail["reason"]) == (str(asked[1].pk), REASON["reason"])
    assert opened.actor_label == "owner@acme.example"
    assert SECRET_WORDS not in json.dumps(opened.detail) + opened.target_label
    assert "data-read-by-admins" in member.get("/").content.decode()


def test_another_organisations_conversation_is_not_there(
    globex: Organisation, owner: Any, asked: tuple[User, Conversation], make_person: Any
) -> None:
    owner.post(f"{PRIVACY}settings/", {"admins_may_read": "on"})
    foreign = make_person(globex)
    with entered(globex.schema_name):
        conversation = talk(foreign, ("Foreign", "No."))
    for response in read(owner, (foreign, conversation), **REASON):
        assert response.status_code == 404
