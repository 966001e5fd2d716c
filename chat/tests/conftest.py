from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio
from django.core.files.uploadedfile import SimpleUploadedFile

from accounts.models import User
from chat.tests.sockets import all_answers_end
from knowledge.actions import document_upload
from knowledge.models import Collection
from knowledge.providers.registry import chat_model_of
from knowledge.providers.scripted import ScriptedChatModel
from tenants.context import entered
from tenants.models import Organisation

TEXT = b"""# Leave

Staff get 25 days of annual leave a year.

# Carrying over

Unused days of annual leave expire in March.
"""

Ready = Callable[[Organisation], Awaitable[tuple[User, str]]]


@pytest.fixture
def scripted(settings: Any) -> ScriptedChatModel:
    settings.VENA_CHAT_PROVIDER = "scripted"
    settings.VENA_MIN_SIMILARITY = 0.0  # what is asked here is not what the documents are about
    model = chat_model_of("scripted")
    assert isinstance(model, ScriptedChatModel)
    return model


@pytest_asyncio.fixture
async def ready(live: None, ready_index: Any, make_person: Any, make_key: Any) -> AsyncIterator[Ready]:
    """Makes an organisation with a member, a key and a document that answers; ends all answers before the wipe."""

    def make(organisation: Organisation) -> tuple[User, str]:
        ready_index(organisation)
        user = make_person(organisation)
        with entered(organisation.schema_name):
            collection = Collection.objects.create(name="Documents")
            document_upload(
                schema_name=organisation.schema_name,
                collection=collection,
                uploaded_by=user,
                file=SimpleUploadedFile("leave.md", TEXT),
            )
        return user, make_key(organisation, user)

    yield lambda organisation: asyncio.to_thread(make, organisation)
    await all_answers_end()
