from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest

from billing.prices import forget_quotes
from billing.types import UsageRecord
from tenants.models import Organisation


@pytest.fixture(autouse=True)
def _no_quotes_of_other_tests() -> Iterator[None]:
    forget_quotes()
    yield
    forget_quotes()


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
