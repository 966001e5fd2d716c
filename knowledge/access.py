"""Who may read and who may write a collection: the one rule, as a condition for queries and as a statement of its own.

Everyone reads an open collection; a closed one is read by the groups named as its readers or writers. What it names as
writers are the only ones who change it; without any, whoever may read it and has the role for it.
"""

from __future__ import annotations

from uuid import UUID

from django.db.models import Exists, OuterRef, Q

from accounts.models import User
from knowledge.models import Collection
from tenants.postgresql.rows import Statement, read

READABLE = """
SELECT collection.id, collection.language FROM knowledge_collection AS collection
WHERE collection.access = 'everyone'
OR EXISTS (
  SELECT 1 FROM knowledge_collection_readers AS named
  JOIN accounts_group_members AS mine ON mine.group_id = named.group_id
  WHERE named.collection_id = collection.id AND mine.user_id = %s
)
OR EXISTS (
  SELECT 1 FROM knowledge_collection_writers AS named
  JOIN accounts_group_members AS mine ON mine.group_id = named.group_id
  WHERE named.collection_id = collection.id AND mine.user_id = %s
)
"""


def readable_languages(user: User) -> dict[UUID, str]:
    """The same as `readable_by`, for every question, with each collection's language: the ORM takes longer to word it
    than the database to answer."""
    return dict(read(READABLE, [user.pk, user.pk]))


def languages_query(user_id: UUID) -> Statement:
    """The same, to be sent along with other statements: rows of id and language."""
    return Statement(READABLE, (user_id, user_id))


def readable_by(user: User) -> Q:
    """Of collections."""
    return Q(access=Collection.Access.EVERYONE) | Q(named_as("readers", user)) | Q(named_as("writers", user))


def writable_by(user: User) -> Q:
    """Of collections, for somebody whose role allows it at all."""
    anybody = Collection.writers.through.objects.filter(collection=OuterRef("pk"))
    return Q(named_as("writers", user)) | (~Exists(anybody) & readable_by(user))


def named_as(what: str, user: User) -> Exists:
    through = getattr(Collection, what).through
    return Exists(through.objects.filter(collection=OuterRef("pk"), group__members=user))
