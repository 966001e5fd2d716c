from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from django.db.models import Count, Prefetch, Q, QuerySet

from accounts.errors import GroupNotFound, PersonNotFound
from accounts.models import Group, User
from accounts.permissions import Can
from accounts.selectors import require

STATES = {"active": True, "deactivated": False}


def people_visible_to(user: User, wanted: Mapping[str, str] | None = None) -> QuerySet[User]:
    """For those who manage people. `wanted` may hold q (words of name or address), role, state and group."""
    require(user, Can.MANAGE_PEOPLE)
    wanted = wanted or {}
    rows = User.objects.filter(is_service=False).prefetch_related(Prefetch("member_of"))
    for word in wanted.get("q", "")[:200].split()[:8]:
        rows = rows.filter(Q(name__icontains=word) | Q(email__icontains=word))
    if role := wanted.get("role"):
        rows = rows.filter(role=role)
    if (state := wanted.get("state", "")) in STATES:
        rows = rows.filter(is_active=STATES[state])
    if group := wanted.get("group"):
        rows = rows.filter(member_of=as_uuid(group))
    return rows


def person_visible_to(user: User, person_id: UUID) -> User:
    person = people_visible_to(user).filter(pk=person_id).first()
    if person is None:
        raise PersonNotFound
    return person


def groups_visible_to(user: User) -> QuerySet[Group]:
    """For those who manage people, with the number of members."""
    require(user, Can.MANAGE_PEOPLE)
    return Group.objects.annotate(member_count=Count("members", filter=Q(members__is_service=False)))


def group_visible_to(user: User, group_id: UUID) -> Group:
    group = groups_visible_to(user).filter(pk=group_id).first()
    if group is None:
        raise GroupNotFound
    return group


def as_uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise GroupNotFound from None
