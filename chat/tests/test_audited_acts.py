"""Acts that change who may come in, who reads what, or whose something is: each is in its organisation's audit log."""

from __future__ import annotations

from typing import Any

from accounts.audit.models import AuditEvent
from accounts.invitations.actions import join_ask, joining_set
from accounts.models import Group
from accounts.permissions import Role
from chat.leavers import content_hand_over
from knowledge.actions import collection_create, collection_open_to
from tenants.context import entered
from tenants.models import Organisation


def told(organisation: Organisation) -> dict[str, Any]:
    with entered(organisation.schema_name):
        return dict(AuditEvent.objects.order_by("pk").values_list("action", "detail"))


def test_they_are_told_there_and_nowhere_else(acme: Organisation, globex: Organisation, make_person: Any) -> None:
    owner = make_person(acme, "owner@acme.example", Role.OWNER)
    leaver, heir = make_person(acme, "ada@acme.example"), make_person(acme, "ben@acme.example")
    with entered(acme.schema_name):
        joining_set(domains=["acme.example"], role=Role.VIEWER)
        assert join_ask(schema_name=acme.schema_name, email="new@acme.example")
        assert not join_ask(schema_name=acme.schema_name, email="new@elsewhere.example")
        board = Group.objects.create(name="Board")
        collection = collection_create(name="Papers")
        collection_open_to(collection=collection, access="groups", readers=[board.pk])
        content_hand_over(leaver=leaver, heir=heir, by=owner)
    found = told(acme)
    assert found["joining.changed"] == {"domains": ["acme.example"], "role": "viewer"}
    assert "joining.asked" in found
    assert found["collection.access_changed"] == {"access": "groups", "readers": [str(board.pk)], "writers": None}
    assert found["person.content_handed_over"] == {"to": str(heir.pk), "conversations": 0, "documents": 0}
    assert not told(globex)
