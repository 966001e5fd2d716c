"""No file but one that we signed is taken for genuine."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vena_platform.isolation.errors import NotGenuine
from vena_platform.isolation.signing import public_keys, signed_html, signed_json, verified_by

TEXTS = st.text(st.characters(codec="utf-8"), max_size=60)
LEAVES = st.none() | st.booleans() | st.integers() | TEXTS


@given(st.dictionaries(TEXTS, LEAVES | st.lists(LEAVES, max_size=3), max_size=4))
def test_any_report_is_verified_after_its_way_through_a_file(report: dict[str, Any]) -> None:
    assert verified_by(signed_json(report).encode(), public_keys()) == public_keys()[0]


@given(TEXTS)
def test_any_page_is_verified_and_none_with_a_byte_more(text: str) -> None:
    page = signed_html(f"<p>{text}</p>")
    assert verified_by(page.encode(), public_keys()) == public_keys()[0]
    for changed in (f" {page}", page.replace("<p>", "<b>", 1)):
        with pytest.raises(NotGenuine):
            verified_by(changed.encode(), public_keys())


@given(st.binary(max_size=200))
def test_anything_else_is_not_genuine(content: bytes) -> None:
    with pytest.raises(NotGenuine):
        verified_by(content, public_keys())


@pytest.mark.parametrize(
    "content",
    [
        "{}",
        "[]",
        '{"report": {}, "signature": []}',
        '{"report": {}, "signature": {"public_key": 1, "value": 2}}',
        "<p>",
    ],
    ids=["empty", "list", "no signature", "numbers", "bare page"],
)
def test_what_lacks_a_signature_is_not_genuine(content: str) -> None:
    with pytest.raises(NotGenuine):
        verified_by(content.encode(), public_keys())
