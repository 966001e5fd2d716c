from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest

from accounts.permissions import Role
from billing.budgets import forget_budgets
from billing.cost_groups import forget_cost_groups
from billing.names import forget_names
from billing.prices import forget_quotes
from billing.types import UsageRecord
from tenants.models import Organisation


@pytest.fixture(autouse=True)
def _nothing_remembered_of_other_tests() -> Iterator[None]:
    everything = (forget_quotes, forget_budgets, forget_names, forget_cost_groups)
    for forget in everything:
        forget()
    yield
    for forget in everything:
        forget()


@pytest.fixture
def call(acme: Organisation) -> Callable[..., UsageRecord]:
    """One call of a provider by acme, as the ledger takes it."""

    def make(**values: Any) -> UsageRecord:
        usual = {
            "key": uuid4(),
            "tenant": acme.key,
            "kind": "chat",
            "outcome": "complete",
            "provider": "openai",
            "model": "gpt-4o",
            "input_tokens": 1000,
            "cached_input_tokens": 400,
            "output_tokens": 500,
        }
        return UsageRecord(**{**usual, **values})

    return make


@pytest.fixture
def signed_in_as(make_person: Any, on_host: Any) -> Callable[..., Any]:
    """A signed-in browser of somebody with a role, of finance without one."""

    def make(organisation: Organisation, role: Role = Role.FINANCE) -> Any:
        email = f"{role}@{organisation.slug}.example"
        make_person(organisation, email, role)
        browser = on_host(organisation)
        browser.sign_in(email)
        return browser

    return make
