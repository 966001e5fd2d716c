"""Addresses and the owner's one-time entry."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.hashers import check_password
from django.core.exceptions import ValidationError
from django.utils import timezone
from hypothesis import assume, given
from hypothesis import strategies as st

from tenants.actions import (
    entry_token_issue,
    entry_token_redeem,
    organisation_open,
    organisation_request,
    organisation_suspend,
)
from tenants.errors import SlugTaken
from tenants.models import RESERVED_SLUGS, Domain, Organisation, Provisioning, schema_of, slug_rules
from tenants.types import TenantKey

slugs = st.from_regex(slug_rules.regex, fullmatch=True)


def ask(slug: str, **more: Any) -> Provisioning:
    person = {"owner_name": "Ann", "owner_email": "Ann@New.example", "owner_password": "correct horse battery"}
    return organisation_request(**{"name": "New", "slug": slug, **person, **more})


# -- addresses ------------------------------------------------------------------------------------


@given(slugs, slugs)
def test_two_addresses_never_share_a_schema(one: str, other: str) -> None:
    assume(one != other)
    assert schema_of(one) != schema_of(other)


@given(slugs)
def test_every_address_makes_a_schema_that_a_key_accepts(slug: str) -> None:
    schema = schema_of(slug)
    assert TenantKey(id=Organisation().id, schema_name=schema).schema_name == schema
    assert len(schema) <= 63
    assert schema.isidentifier()


@pytest.mark.parametrize("slug", ["a", "acme", "a1", "a-b", "x" * 40])
def test_addresses_that_are_fine(slug: str) -> None:
    slug_rules(slug)


@pytest.mark.parametrize(
    "slug", ["", "1a", "-a", "a-", "A", "a_b", "a.b", "ä", "a b", "a\n", "x" * 41, "a/b", "a--", "٣"]
)
def test_addresses_that_are_not(db: None, slug: str) -> None:
    with pytest.raises(ValidationError):
        slug_rules(slug)
    with pytest.raises(ValidationError):
        ask(slug)
    assert not Provisioning.objects.exists()


def test_asking_reserves_the_address_and_opens_nothing(db: None) -> None:
    row = ask("new-one")
    assert row.organisation.state == Organisation.State.PROVISIONING
    assert row.organisation.schema_name == "org_new_one"
    assert [domain.domain for domain in row.organisation.domains.all()] == ["new-one.localhost"]
    assert row.owner_email == "ann@new.example"
    assert check_password("correct horse battery", row.owner_password)


@pytest.mark.parametrize("slug", sorted(RESERVED_SLUGS))
def test_reserved_addresses_are_refused(db: None, slug: str) -> None:
    with pytest.raises(SlugTaken):
        ask(slug)
    assert not Provisioning.objects.exists()


def test_a_taken_address_is_refused(acme: Organisation) -> None:
    with pytest.raises(SlugTaken):
        ask("acme")
    assert not Provisioning.objects.exists()


def test_a_host_name_that_somebody_holds_is_refused(acme: Organisation) -> None:
    Domain.objects.create(domain="wanted.localhost", tenant=acme, is_primary=False)
    with pytest.raises(SlugTaken):
        ask("wanted")
    assert not Organisation.objects.filter(slug="wanted").exists()


# -- state ----------------------------------------------------------------------------------------


def test_suspending_and_opening(acme: Organisation) -> None:
    organisation_suspend(acme, reason="unpaid")
    acme.refresh_from_db()
    assert (acme.state, acme.suspension_reason, acme.is_open) == ("suspended", "unpaid", False)
    organisation_open(acme)
    acme.refresh_from_db()
    assert (acme.state, acme.suspension_reason, acme.is_open) == ("active", "", True)


# -- the owner's one-time entry -------------------------------------------------------------------


def test_an_entry_works_once(db: None) -> None:
    row = ask("new")
    assert not row.is_entered
    token = entry_token_issue(row)
    assert entry_token_redeem(row.organisation, token) == "ann@new.example"
    assert entry_token_redeem(row.organisation, token) is None
    row.refresh_from_db()
    assert row.is_entered


def test_only_the_hash_of_an_entry_is_kept(db: None) -> None:
    row = ask("new")
    token = entry_token_issue(row)
    row.refresh_from_db()
    assert row.entry_token
    assert token not in row.entry_token
    assert entry_token_redeem(row.organisation, row.entry_token) is None


def test_an_entry_ends(db: None) -> None:
    row = ask("new")
    token = entry_token_issue(row)
    assert row.entry_expires_at
    assert timezone.now() + timedelta(minutes=14) < row.entry_expires_at <= timezone.now() + timedelta(minutes=15)
    Provisioning.objects.update(entry_expires_at=timezone.now() - timedelta(seconds=1))
    assert entry_token_redeem(row.organisation, token) is None


def test_a_newer_entry_replaces_the_older(db: None) -> None:
    row = ask("new")
    older, newer = entry_token_issue(row), entry_token_issue(row)
    assert entry_token_redeem(row.organisation, older) is None
    assert entry_token_redeem(row.organisation, newer) == "ann@new.example"


def test_an_entry_opens_its_own_organisation_only(acme: Organisation) -> None:
    row = ask("new")
    token = entry_token_issue(row)
    assert entry_token_redeem(acme, token) is None
    assert entry_token_redeem(row.organisation, token) == "ann@new.example"


@pytest.mark.parametrize("token", ["", "nonsense"])
def test_no_entry_without_a_token(db: None, token: str) -> None:
    row = ask("new")
    assert entry_token_redeem(row.organisation, token) is None
