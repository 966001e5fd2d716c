"""What is remembered between questions is never older than the rows, and never another organisation's."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.errors import NotSignedIn
from accounts.models import User
from chat.standing import PersonNow, asker_now
from knowledge.ingestion.indexing import library_changed
from knowledge.models import AnswerPolicy
from tenants.context import entered
from tenants.errors import OrganisationSuspended
from tenants.models import Organisation


def now(organisation: Organisation, user: User) -> PersonNow:
    with entered(organisation.schema_name):
        return asker_now(organisation.pk, user.pk)


def test_a_second_look_takes_one_statement(
    acme: Organisation, make_person: Any, django_assert_num_queries: Any
) -> None:
    user = make_person(acme)
    first = now(acme, user)
    with entered(acme.schema_name), django_assert_num_queries(1):
        assert asker_now(acme.pk, user.pk) == first


def test_every_change_is_seen_at_once(acme: Organisation, make_person: Any) -> None:
    user = make_person(acme)
    before = now(acme, user)
    with entered(acme.schema_name):
        library_changed()
        AnswerPolicy.objects.create(pk=1, instructions="Be brief.")
    after = now(acme, user)
    assert after.index_version == before.index_version + 1
    assert (before.settings.instructions, after.settings.instructions) == ("", "Be brief.")
    with entered(acme.schema_name):
        AnswerPolicy.objects.update(instructions="Be kind.")
        User.objects.filter(pk=user.pk).update(email="ada@elsewhere.example")
    assert now(acme, user).settings.instructions == "Be kind."
    assert now(acme, user).user.email == "ada@elsewhere.example"
    with entered(acme.schema_name):
        User.objects.filter(pk=user.pk).update(is_active=False)
    with pytest.raises(NotSignedIn):
        now(acme, user)


def test_a_suspension_is_seen_at_once(acme: Organisation, make_person: Any) -> None:
    user = make_person(acme)
    now(acme, user)
    Organisation.objects.filter(pk=acme.pk).update(state="suspended")
    with pytest.raises(OrganisationSuspended):
        now(acme, user)


def test_nothing_is_remembered_across_organisations(acme: Organisation, globex: Organisation, make_person: Any) -> None:
    user = make_person(acme)
    with entered(acme.schema_name):
        AnswerPolicy.objects.create(pk=1, instructions="Of Acme.")
    with entered(globex.schema_name):
        twin = User.objects.create(pk=user.pk, email="grace@example.org")
        AnswerPolicy.objects.create(pk=1, instructions="Of Globex.")
    for organisation, person, words in ((acme, user, "Of Acme."), (globex, twin, "Of Globex.")) * 2:
        found = now(organisation, person)
        assert (found.user.email, found.settings.instructions) == (person.email, words)
        assert found.organisation == organisation


def test_a_person_of_another_organisation_is_nobody(acme: Organisation, globex: Organisation, make_person: Any) -> None:
    user = make_person(acme)
    now(acme, user)
    with pytest.raises(NotSignedIn):
        now(globex, user)
