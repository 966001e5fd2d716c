"""An organisation with two identity providers that know us by the same client id, as its sibling's might."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.sign_in.models import IdentityProvider
from accounts.tests.sign_in import test_oidc as oidc
from accounts.tests.sign_in.codes import code_of
from accounts.tests.sign_in.test_second_factor import FACTORS, set_up_app
from tenants.context import entered
from tenants.models import Organisation


@pytest.fixture
def both(owner: Any, acme: Organisation, issuer: str) -> None:
    """Okta, and Entra with all that Okta has but the name."""
    oidc.act(owner, oidc.set_up(owner, issuer), "enable")
    with entered(acme.schema_name):
        other = IdentityProvider.objects.get()
        other.pk, other.name, other.slug = None, "Entra", "entra"
        other.save(force_insert=True)


def test_the_second_factor_here_follows_the_right_one(
    acme: Organisation, make_person: Any, on_host: Any, both: None
) -> None:
    make_person(acme, "bob@example.org")
    before = on_host(acme)
    before.sign_in("bob@example.org")
    secret = set_up_app(before)
    host = on_host(acme)
    assert oidc.round_trip(host, "bob")["Location"] == f"{FACTORS}authenticate/"
    assert host.get(f"{FACTORS}authenticate/").status_code == 200
    assert oidc.who(host) is None
    assert host.post(f"{FACTORS}authenticate/", {"code": code_of(secret)}).status_code == 302
    assert oidc.who(host) == ("bob@example.org", "member")
