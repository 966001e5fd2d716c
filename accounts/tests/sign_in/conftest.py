from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from accounts.permissions import Role
from tenants.models import Organisation
from tests.identity.running import identity_provider

BACK = "http://acme.localhost:8000/accounts/oidc/okta/login/callback/"
ELSEWHERE = "http://globex.localhost:8000/accounts/oidc/okta/login/callback/"


@pytest.fixture(scope="session")
def issuer() -> Iterator[str]:
    """An OpenID provider that knows both organisations."""
    with identity_provider("oidc.mjs", BACK, ELSEWHERE) as address:
        yield address


@pytest.fixture
def owner(acme: Organisation, make_person: Any, on_host: Any) -> Any:
    """Olive, owner of acme, in her browser."""
    make_person(acme, "olive@example.org", Role.OWNER)
    host = on_host(acme)
    assert host.sign_in("olive@example.org").status_code == 302
    return host


@pytest.fixture
def member(acme: Organisation, make_person: Any, on_host: Any) -> Any:
    """Ada, a member of acme, in her browser."""
    make_person(acme)
    host = on_host(acme)
    assert host.sign_in("ada@example.org").status_code == 302
    return host
