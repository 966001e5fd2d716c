"""A plan has so many seats: whoever comes in by whatever way takes one, and the last is given once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection

from accounts.invitations.actions import invitation_make, invitation_revoke
from accounts.models import Invitation, User
from accounts.people.actions import person_add, person_change
from accounts.people.seats import seats_taken
from accounts.permissions import Role
from tenants.actions import organisation_entitle
from tenants.context import entered
from tenants.entitlements import Entitlements
from tenants.errors import SeatsTaken
from tenants.models import Organisation

MakePerson = Callable[..., User]


@pytest.fixture
def admin(acme: Organisation, make_person: MakePerson) -> User:
    organisation_entitle(acme, Entitlements(seats=3))
    return make_person(acme, "admin@acme.example", Role.ADMIN)


def test_people_and_open_invitations_take_seats_of_their_own_organisation(
    acme: Organisation, globex: Organisation, admin: User
) -> None:
    with entered(acme.schema_name):
        second = person_add(email="ben@acme.example", name="Ben")
        row = invitation_make(schema_name=acme.schema_name, by=admin, email="cleo@acme.example")
        assert seats_taken() == 3
        for refused in (
            lambda: person_add(email="dan@acme.example", name="Dan"),
            lambda: invitation_make(schema_name=acme.schema_name, by=admin, email="dan@acme.example"),
        ):
            with pytest.raises(SeatsTaken, match="3 seats"):
                refused()
        invitation_revoke(Invitation.objects.get(pk=row.pk))
        person_add(email="dan@acme.example", name="Dan")
        person_change(person=second, by=admin, is_active=False)
        person_add(email="eve@acme.example", name="Eve")
        with pytest.raises(SeatsTaken):
            person_change(person=second, by=admin, is_active=True)
        User.objects.create_user("program@acme.example", is_service=True, name="Program")
        assert seats_taken() == 3
    with entered(globex.schema_name):
        for number in range(5):
            person_add(email=f"{number}@globex.example", name="Somebody")


def test_a_list_is_taken_whole_or_not_at_all(acme: Organisation, admin: User, on_host: Any) -> None:
    host = on_host(acme)
    with entered(acme.schema_name):
        host.force_login(admin)
    three = SimpleUploadedFile("people.csv", b"email\na@acme.example\nb@acme.example\nc@acme.example\n")
    answer = host.post("/api/v1/invitations/import/", {"file": three})
    assert (answer.status_code, answer.json()["code"]) == (409, "seats_taken")
    with entered(acme.schema_name):
        assert not Invitation.objects.exists()


def test_the_last_seat_is_given_once(live_acme: Organisation, make_person: MakePerson, django_db_blocker: Any) -> None:
    organisation_entitle(live_acme, Entitlements(seats=5))
    make_person(live_acme, "owner@acme.example", Role.OWNER)

    def add(number: int) -> bool:
        with django_db_blocker.unblock():
            try:
                with entered(live_acme.schema_name):
                    person_add(email=f"{number}@acme.example", name="Somebody")
                return True
            except SeatsTaken:
                return False
            finally:
                connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(add, range(12))) == 4
    with entered(live_acme.schema_name):
        assert seats_taken() == 5
