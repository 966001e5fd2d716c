"""Who may read and write a collection: every combination, and what an admin may do about one they may not read."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from accounts.models import Group, User
from accounts.permissions import Role
from knowledge.access import readable_by, readable_languages, writable_by
from knowledge.actions import document_change
from knowledge.models import Collection, Document
from tenants.context import entered
from tenants.models import Organisation

NAMED = ("nobody", "ours", "theirs")


def test_every_combination_is_answered_alike_by_both(acme: Organisation, make_person: Callable[..., User]) -> None:
    ada = make_person(acme)
    with entered(acme.schema_name):
        groups = {name: Group.objects.create(name=name) for name in NAMED[1:]}
        groups["ours"].members.add(ada)
        read, write = set(), set()
        for access, reader, writer in itertools.product(Collection.Access, NAMED, NAMED):
            row = Collection.objects.create(name=f"{access} {reader} {writer}", access=access)
            row.readers.set([groups[reader]] if reader in groups else [])
            row.writers.set([groups[writer]] if writer in groups else [])
            may_read = access == Collection.Access.EVERYONE or "ours" in (reader, writer)
            read |= {row.pk} if may_read else set()
            write |= {row.pk} if writer == "ours" or (writer == "nobody" and may_read) else set()
        assert readable_languages(ada) == dict.fromkeys(read, "english")
        assert set(Collection.objects.filter(readable_by(ada)).values_list("pk", flat=True)) == read
        assert set(Collection.objects.filter(writable_by(ada)).values_list("pk", flat=True)) == write
        assert write < read


@pytest.fixture
def browsers(acme: Organisation, make_person: Callable[..., User], on_host: Any) -> dict[str, Any]:
    found = {}
    for role in ("owner", "editor", "member"):
        person = make_person(acme, f"{role}@acme.example", Role(role))
        found[role] = on_host(acme)
        with entered(acme.schema_name):
            found[role].force_login(person)
    return found


def change(host: Any, collection: Collection, **body: Any) -> tuple[int, str]:
    answer = host.patch(f"/api/v1/collections/{collection.pk}/", body, content_type="application/json")
    return answer.status_code, answer.json().get("code", "")


def test_who_reads_and_writes_is_set_by_admins(
    acme: Organisation, browsers: dict[str, Any], make_collection: Any
) -> None:
    row = make_collection(acme)
    with entered(acme.schema_name):
        group = Group.objects.create(name="Board")
    closed = {"access": "groups", "readers": [str(group.pk)]}
    assert change(browsers["editor"], row, **closed) == (403, "not_allowed")
    assert change(browsers["owner"], row, readers=["00000000-0000-0000-0000-000000000000"]) == (404, "group_not_found")
    assert change(browsers["owner"], row, **closed) == (200, "")
    # The owner is not of the board: they no longer read it, and may still say who does.
    assert browsers["owner"].get(f"/api/v1/collections/{row.pk}/").status_code == 404
    assert change(browsers["owner"], row, name="Mine") == (404, "collection_not_found")
    assert change(browsers["owner"], row, access="everyone", writers=[str(group.pk)]) == (200, "")
    assert browsers["owner"].get(f"/api/v1/collections/{row.pk}/").json()["writers"] == [str(group.pk)]


def test_only_its_writers_change_it(acme: Organisation, browsers: dict[str, Any], make_collection: Any) -> None:
    row = make_collection(acme)
    with entered(acme.schema_name):
        group = Group.objects.create(name="Writers")
        row.writers.add(group)
    assert change(browsers["editor"], row, description="Changed.") == (403, "collection_read_only")
    upload = browsers["editor"].post("/api/v1/documents/", {"collection": str(row.pk)})
    assert upload.status_code in {400, 403}
    with entered(acme.schema_name):
        group.members.set(User.objects.filter(email__in=["editor@acme.example", "member@acme.example"]))
    assert change(browsers["editor"], row, description="Changed.") == (200, "")
    assert change(browsers["member"], row, description="Changed.") == (403, "not_allowed")  # the role decides first


def test_what_is_inside_an_archive_goes_where_it_goes(acme: Organisation, make_collection: Any) -> None:
    here, there = make_collection(acme), make_collection(acme, "Board")
    with entered(acme.schema_name):
        archive = Document.objects.create(collection=here, title="a.zip", key="a")
        part = Document.objects.create(collection=here, title="b.zip", key="b", parent=archive)
        Document.objects.create(collection=here, title="c.md", key="c", parent=part)
        document_change(schema_name=acme.schema_name, document=archive, collection=there)
        assert set(Document.objects.values_list("collection", flat=True)) == {there.pk}
