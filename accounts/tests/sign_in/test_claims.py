"""What is read out of claims, by table and by property."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.sign_in.claims import is_vouched, role_of, subjects_agree, values_of

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
ORDER = ("admin", "finance", "member")


@pytest.mark.parametrize(
    ("claims", "name", "values"),
    [
        ({"groups": ["a", "b"]}, "groups", ["a", "b"]),
        ({"groups": "a"}, "groups", ["a"]),
        ({"realm_access": {"roles": ["x"]}}, "realm_access.roles", ["x"]),
        ({"https://vena.example/roles": ["x"]}, "https://vena.example/roles", ["x"]),
        ({"groups": {"a": 1}}, "groups", []),
        ({"groups": None}, "groups", []),
        ({"groups": ["a"]}, "groups.0", []),
        ({}, "groups", []),
    ],
    ids=["list", "one", "path", "name with dots", "object", "null", "path into a list", "nothing"],
)
def test_values_of_a_claim(claims: dict[str, Any], name: str, values: list[str]) -> None:
    assert values_of(claims, name) == values


@given(st.dictionaries(st.text(max_size=8), JSON, max_size=4), st.text(max_size=12))
def test_whatever_a_provider_sends_gives_words(claims: dict[str, Any], name: str) -> None:
    assert all(isinstance(value, str) for value in values_of(claims, name))


@given(st.lists(st.sampled_from("abcdx")), st.dictionaries(st.sampled_from("abcd"), st.sampled_from(ORDER)))
def test_the_highest_role_counts_and_no_other_is_ever_given(values: list[str], role_map: dict[str, str]) -> None:
    given_role = role_of(values, role_map, ORDER, "member")
    meant = [role_map[value] for value in values if value in role_map]
    assert given_role == (min(meant, key=ORDER.index) if meant else "member")


@pytest.mark.parametrize(
    ("email", "verified", "domains", "vouched"),
    [
        ("a@x.org", True, [], True),
        ("a@x.org", "true", [], True),
        ("a@x.org", None, [], False),
        ("a@x.org", "false", [], False),
        ("a@x.org", None, ["x.org"], True),
        ("a@X.ORG", None, ["x.org"], True),
        ("a@x.org", False, ["x.org"], False),
        ("a@x.org", "false", ["x.org"], False),
        ("a@y.org", True, ["x.org"], False),
        ("a@sub.x.org", True, ["x.org"], False),
        ("a@y.org@x.org", None, ["x.org"], True),
        ("", True, ["x.org"], False),
        ("x.org", True, ["x.org"], True),
    ],
    ids=lambda value: str(value) or "none",
)
def test_who_vouches_for_an_address(email: str, verified: object, domains: list[str], vouched: bool) -> None:
    """Whether it is an address at all was checked before."""
    assert is_vouched(email, verified, domains) is vouched


@pytest.mark.parametrize(
    ("token", "info", "agree"),
    [({"sub": "1"}, {"sub": "1"}, True), ({"sub": "1"}, {"sub": "2"}, False), ({}, {"sub": "1"}, True)],
    ids=["same", "different", "one"],
)
def test_token_and_user_info_must_be_about_one_person(token: Any, info: Any, agree: bool) -> None:
    assert subjects_agree(token, info) is agree
