from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from knowledge.ingestion.copying import copy_in, copy_vectors_in
from knowledge.models import Chunk, Collection, Document, DocumentVersion, TextVectors
from tenants.context import entered
from tenants.models import Organisation

TEXT = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\x00"), max_size=60)
SIDE = st.floats(0, 999).map(lambda side: round(side, 1))
NUMBER = st.integers(0, 2**31 - 1)
FACTS = st.fixed_dictionaries(
    {
        "section": NUMBER,
        "text": TEXT,
        "embedding_text": TEXT,
        "context": TEXT,
        "heading_path": st.lists(TEXT, max_size=3),
        "page": st.none() | NUMBER,
        "last_page": st.none() | NUMBER,
        "boxes": st.lists(
            st.lists(st.integers(0, 999) | st.floats(0, 999).map(lambda side: round(side, 1)), max_size=5)
        ),
        "place": TEXT,
        "char_start": NUMBER,
        "char_end": NUMBER,
        "content_hash": st.text("0123456789abcdef", min_size=64, max_size=64),
    }
)


def test_every_column_is_copied() -> None:
    """A column added to the model and forgotten here would be left at its default in silence."""
    from knowledge.ingestion.copying import _COPY

    named = {name.strip(",") for name in _COPY.partition("(")[2].partition(")")[0].split()}
    assert named == {field.column for field in Chunk._meta.concrete_fields if not field.primary_key}


@pytest.fixture
def version(live_acme: Organisation) -> DocumentVersion:
    with entered(live_acme.schema_name):
        document = Document.objects.create(collection=Collection.objects.create(name="Copied"), key="k", title="T")
        return DocumentVersion.objects.create(document=document, number=1)


@given(facts=st.lists(FACTS, max_size=4))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_copied_is_read_back(
    live_acme: Organisation, live_globex: Organisation, version: DocumentVersion, facts: list[dict[str, Any]]
) -> None:
    rows = [
        Chunk(document_id=version.document_id, version=version, point_id=uuid4(), position=position, **one)
        for position, one in enumerate(facts)
    ]
    with entered(live_acme.schema_name):
        copy_in(rows)
        stored = list(Chunk.objects.filter(version=version).order_by("position"))
        names = [field.attname for field in Chunk._meta.concrete_fields if not field.primary_key]
        assert [[getattr(row, name) for name in names] for row in stored] == [
            [getattr(row, name) for name in names] for row in rows
        ]
        Chunk.objects.filter(version=version).delete()
    with entered(live_globex.schema_name):
        assert not Chunk.objects.exists()


def test_vectors_another_worker_stored_meanwhile_are_left_as_they_are(live_acme: Organisation) -> None:
    def vectors(name: str, dense: bytes) -> TextVectors:
        return TextVectors(embedding_version="m1", content_hash=name * 64, dense=dense, tokens=None)

    with entered(live_acme.schema_name):
        copy_vectors_in([vectors("a", b"first")])
        copy_vectors_in([vectors("a", b"second"), vectors("b", b"second")])
        found = TextVectors.objects.filter(embedding_version="m1").values_list("content_hash", "dense")
        assert {name[0]: bytes(dense) for name, dense in found} == {"a": b"first", "b": b"second"}
