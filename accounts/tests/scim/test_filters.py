"""Filters of any form: what the database finds is what the library's own evaluator says of each resource."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scim2_models import ScimFilter

from accounts.models import ScimPerson, User
from accounts.scim.errors import FilterUnfit
from accounts.scim.reading import groups_of_directory, people_of_directory, person_resource, with_memberships
from accounts.scim.resources import POLICY, Person
from tenants.context import entered
from tenants.models import Organisation

PEOPLE = [
    ("ada@example.org", "Ada", True, None),
    ("bob@example.org", "", False, None),
    ("cy@example.org", "Cy 100%", True, ("cy", "X1", "Cyrus")),
    ("dee@example.org", "dee_", True, ("DEE@corp", "x1", "")),
    ("eve@example.org", 'E"v\\e', False, ("eve", "", "Eva")),
]
WORDS = ["ada@example.org", "ADA@example.org", "ex", "%", "_", "", "x1", "X1", "cy", "Cyrus", "dee", 'E"v\\e', "é\x00"]


@pytest.fixture
def people(acme: Organisation) -> Iterator[list[Person]]:
    with entered(acme.schema_name):
        for email, name, is_active, told in PEOPLE:
            user = User.objects.create_user(email, None, name=name, is_active=is_active)
            if told:
                ScimPerson.objects.create(user=user, user_name=told[0], external_id=told[1], given_name=told[2])
        yield [person_resource(row, "/") for row in with_memberships(people_of_directory())]


NAMES = ["userName", "externalId", "displayName", "name.givenName", "emails.value", 'emails[type eq "work"].value']


def quoted(value: str) -> str:
    return str(ScimFilter.quote(value))


texts = st.builds(
    lambda name, operator, value: f"{name} {operator} {quoted(value)}",
    st.sampled_from(NAMES),
    st.sampled_from(["eq", "ne", "co", "sw", "ew", "EQ"]),
    st.sampled_from(WORDS),
)
simple = st.one_of(
    texts,
    st.sampled_from([f"{name} pr" for name in NAMES[:5]]),
    st.sampled_from(["active eq true", "active eq false", "not (active eq true)", 'emails[type eq "home"]']),
)
filters = st.recursive(
    simple,
    lambda inner: st.one_of(
        st.builds("({} and {})".format, inner, inner),
        st.builds("({} or {})".format, inner, inner),
        st.builds("not ({})".format, inner),
    ),
    max_leaves=5,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(filters)
def test_the_database_finds_what_the_evaluator_says(people: list[Person], text: str) -> None:
    with POLICY:
        expected = {one.id for one in people if ScimFilter[Person](text).match(one)}
    assert {str(row.pk) for row in people_of_directory(text)} == expected, text


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.text(max_size=60), st.text("()[]\"'\\. eqandornotpr", max_size=200)))
def test_any_text_is_a_filter_or_told_to_be_none(people: Any, text: str) -> None:
    for found in (people_of_directory, groups_of_directory):
        try:
            list(found(text))
        except FilterUnfit:
            continue


def deep(depth: int) -> str:
    return "not (" * depth + "active eq true" + ")" * depth


@pytest.mark.parametrize("text", [deep(160), "(" * 480 + "active eq true" + ")" * 480], ids=["not", "brackets"])
def test_deep_ones_end(people: Any, text: str) -> None:
    try:
        assert len(people_of_directory(text)) in (2, 3)
    except FilterUnfit:
        pass


def test_moments_are_compared(people: Any) -> None:
    assert people_of_directory('meta.created gt "2020-01-01T00:00:00Z"').count() == len(PEOPLE)
    assert people_of_directory('meta.lastModified lt "2020-01-01T00:00:00Z"').count() == 0
    for text in ('meta.created gt "yesterday"', 'userName gt "a"'):
        with pytest.raises(FilterUnfit):
            list(people_of_directory(text))


def test_nothing_of_the_row_leaks_by_the_name_of_an_attribute(people: Any) -> None:
    for name in ("password", "is_superuser", "email", "pk", "scim__user_name", "user_set", "api_keys.secret_hash"):
        with pytest.raises(FilterUnfit):
            list(people_of_directory(f"{name} pr"))
