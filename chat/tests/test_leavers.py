"""Somebody leaves: what they shared goes on, the rest of them does not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import ApiKey, User
from accounts.permissions import Role
from chat.gaps.actions import question_keep
from chat.models import Conversation, KnowledgeGap, Message
from chat.tests.stored import add_turn, cite, talk
from knowledge.models import Collection, Document
from tenants.context import entered
from tenants.models import Organisation

MakePerson = Callable[..., User]


@pytest.fixture
def people(acme: Organisation, make_person: MakePerson) -> dict[str, User]:
    roles = {"admin": Role.ADMIN, "leaver": Role.MEMBER, "heir": Role.MEMBER, "boss": Role.OWNER}
    return {name: make_person(acme, f"{name}@acme.example", role) for name, role in roles.items()}


@pytest.fixture
def admin(acme: Organisation, people: dict[str, User], on_host: Any) -> Any:
    host = on_host(acme)
    with entered(acme.schema_name):
        host.force_login(people["admin"])
    return host


def hand_over(host: Any, leaver: User, to: User) -> Any:
    address = f"/api/v1/people/{leaver.pk}/hand-over/"
    return host.post(address, {"to": str(to.pk)}, content_type="application/json")


def test_what_is_shared_is_handed_over_and_its_link_goes_on_working(
    acme: Organisation, people: dict[str, User], admin: Any
) -> None:
    leaver, heir = people["leaver"], people["heir"]
    with entered(acme.schema_name):
        closed = Collection.objects.create(name="Board", access=Collection.Access.GROUPS)
        secret = Document.objects.create(collection=closed, title="Merger", key="m", uploaded_by=leaver)
        shared = talk(leaver, ("How many days?", "25."), shared_at=timezone.now())
        private = talk(leaver, ("Mine?", "Yes."))
        resting = talk(leaver, ("Merger?", "Yes [1]."), shared_at=timezone.now())
        assert resting.leaf
        cite(resting.leaf, secret.pk)
    given = hand_over(admin, leaver, heir)
    assert (given.status_code, given.json()) == (200, {"conversations": 1, "documents": 1})
    with entered(acme.schema_name):
        owners = dict(Conversation.objects.values_list("pk", "member__email"))
    assert owners == {
        shared.pk: "heir@acme.example",
        private.pk: "leaver@acme.example",
        resting.pk: "leaver@acme.example",  # the heir may not read what it rests on
    }
    assert admin.get(f"/c/{shared.pk}/shared/").status_code == 200
    assert admin.delete(f"/api/v1/people/{leaver.pk}/").status_code == 204
    assert admin.get(f"/c/{shared.pk}/shared/").status_code == 200
    with entered(acme.schema_name):
        assert list(Conversation.objects.values_list("pk", flat=True)) == [shared.pk]


def test_deleting_takes_everything_of_theirs_and_nothing_else(
    acme: Organisation,
    people: dict[str, User],
    admin: Any,
    make_key: Any,
    on_host: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stopped: list[Any] = []  # a test client has no server's event loop, on which answers run and are stopped
    monkeypatch.setattr("chat.leavers.stop", lambda tenant, answers: stopped.extend(answers))
    leaver, header = people["leaver"], {"authorization": f"Bearer {make_key(acme, people['leaver'])}"}
    with entered(acme.schema_name):
        row = talk(leaver, ("How many days?", "I don't know."))
        assert row.leaf
        question_keep(row.leaf, "How many days?")
        running = add_turn(row, "And now?", "Half an", status=Message.Status.STREAMING)
        talk(people["heir"], ("Other?", "Yes."))
    assert admin.post(f"/people/{leaver.pk}/leave/", {"act": "delete"})["Location"] == "/people/"
    assert stopped == [running.pk]
    assert on_host(acme).get("/api/v1/me/", headers=header).status_code == 401
    with entered(acme.schema_name):
        assert not User.objects.filter(pk=leaver.pk).exists()
        assert not ApiKey.objects.exists()
        assert Conversation.objects.count() == 1
        assert not KnowledgeGap.objects.exists()


@pytest.mark.parametrize(
    ("whom", "to", "code"),
    [("leaver", "leaver", "bad_heir"), ("boss", "heir", "owners_only"), ("leaver", "gone", "bad_heir")],
)
def test_what_is_refused_moves_nothing(
    acme: Organisation, people: dict[str, User], admin: Any, make_person: MakePerson, whom: str, to: str, code: str
) -> None:
    people["gone"] = make_person(acme, "gone@acme.example")
    with entered(acme.schema_name):
        User.objects.filter(pk=people["gone"].pk).update(is_active=False)
        talk(people[whom], ("How many days?", "25."), shared_at=timezone.now())
    assert hand_over(admin, people[whom], people[to]).json()["code"] == code
    with entered(acme.schema_name):
        assert Conversation.objects.get().member_id == people[whom].pk


def test_an_admin_deletes_no_owner_and_nobody_of_another_organisation(
    acme: Organisation, globex: Organisation, people: dict[str, User], admin: Any, make_person: MakePerson
) -> None:
    there = make_person(globex, "grace@example.org")
    assert admin.delete(f"/api/v1/people/{people['boss'].pk}/").json()["code"] == "owners_only"
    assert admin.delete(f"/api/v1/people/{there.pk}/").status_code == 404
    assert admin.delete(f"/api/v1/people/{people['admin'].pk}/").json()["code"] == "not_yourself"
    assert hand_over(admin, people["leaver"], there).status_code == 404
    with entered(globex.schema_name):
        assert User.objects.filter(pk=there.pk).exists()
