"""What a row must be like for its pages to show it: the rest is made by the fields' types alone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.core.files.base import ContentFile
from django.utils import timezone
from model_bakery import baker

from accounts.models import Group, User
from accounts.permissions import Role
from chat.models import Conversation, Message
from knowledge.models import Collection, Document, DocumentVersion
from vena_platform.tests.isolation.rows import World

PASSWORD = "correct horse battery"


def person(world: World) -> User:
    """Beside the owner, who tries things, since nobody may do everything to themselves."""
    world.owner = User.objects.create_user("owner@example.org", PASSWORD, name=world.marker, role=Role.OWNER)
    return User.objects.create_user(f"{world.marker}@example.org", PASSWORD, name=world.marker, role=Role.MEMBER)


def group(world: World) -> Group:
    row = Group.objects.create(name=world.marker)
    row.members.add(world[User])
    return row


def document(world: World) -> Document:
    row: Document = baker.make(
        Document,
        collection=world[Collection],
        key=world.marker,
        title=world.marker,
        state=Document.State.READY,
        source_url="",
        ready_at=timezone.now(),
    )
    return row


def version(world: World) -> DocumentVersion:
    row = DocumentVersion.objects.create(
        document=world[Document],
        number=1,
        file=ContentFile(world.marker.encode(), name="a.txt"),
        file_name=f"{world.marker}.txt",
        media_type="text/plain",
        chunk_count=1,
        chunked_at=timezone.now(),
        ready_at=timezone.now(),
    )
    Document.objects.update(current=row, newest=row)
    return row


def answers(world: World) -> dict[str, Any]:
    return {"primary_provider": "extractive", "primary_model": "", "backup_provider": "", "backup_model": ""}


def chunk(world: World) -> dict[str, Any]:
    return {"position": 0, "section": 1, "page": None, "last_page": None, "boxes": []}


def conversation(world: World) -> dict[str, Any]:
    return {"member": world.owner, "shared_at": timezone.now()}


def answer(world: World) -> Message:
    """The answer; its question is the message it replies to."""
    talk = world[Conversation]
    asked = Message.objects.create(conversation=talk, role=Message.Role.USER, text=world.marker, status="complete")
    row = Message.objects.create(
        conversation=talk, role=Message.Role.ASSISTANT, text=world.marker, status="complete", reply_to=asked
    )
    Conversation.objects.update(leaf=row)
    world.rows["question"] = asked
    return row


def invitation(world: World) -> dict[str, Any]:
    return {"email": f"{world.marker}@example.org", "expires_at": timezone.now() + timedelta(days=3)}


def privacy(world: World) -> dict[str, Any]:
    return {"id": 1, "admins_may_read": True}


def second_factor(world: World) -> dict[str, Any]:
    return {"user": world[User], "type": "totp", "data": {}}


SPECIAL = {
    "mfa.Authenticator": second_factor,
    "accounts.PrivacySettings": privacy,
    "accounts.User": person,
    "accounts.Group": group,
    "accounts.Invitation": invitation,
    "knowledge.Document": document,
    "knowledge.DocumentVersion": version,
    "knowledge.AnswerPolicy": answers,
    "knowledge.Chunk": chunk,
    "chat.Conversation": conversation,
    "chat.Message": answer,
}
