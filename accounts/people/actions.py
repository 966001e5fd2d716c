"""What is done to people and groups. The rules that no caller may pass by are here, not in forms and views."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any
from uuid import UUID

from allauth.account.models import EmailAddress
from django.db import transaction

from accounts.audit.actions import audit
from accounts.audit.registry import Action
from accounts.errors import GroupExists, LastOwner, NotYourself, OwnersOnly, PersonExists, RoleNotYours
from accounts.models import Group, User
from accounts.people.ending import access_end
from accounts.people.seats import require_seats
from accounts.permissions import Can, Role, may, roles_given_by
from accounts.selectors import groups_by_id, require

CHANGEABLE = frozenset({"email", "name", "role", "is_active"})
MOST_NAMED = 50  # ids in one entry of the audit log
CEILING = (Role.OWNER, Role.ADMIN)  # no program is one of them


@transaction.atomic
def person_add(
    *,
    email: str,
    name: str,
    role: str = Role.MEMBER,
    groups: Iterable[UUID] = (),
    password: str | None = None,
    is_verified: bool = False,
) -> User:
    """`is_verified`: they have shown that the mailbox is theirs. Without a password they sign in by another way.

    Whoever calls has asked whether the role may be given: see `require_role_to_give`. Raises PersonExists, SeatsTaken.
    """
    if User.objects.filter(email__iexact=email).exists():
        raise PersonExists
    require_seats()
    user = User.objects.create_user(email, password, name=name.strip()[:120], role=Role(role))
    user.member_of.set(groups_by_id(groups))
    if is_verified:
        EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    audit(Action.PERSON_ADDED, target=user.email, target_id=str(user.pk), detail={"role": user.role})
    return user


@transaction.atomic
def person_change(*, person: User, by: User | None, groups: Iterable[UUID] | None = None, **changes: Any) -> User:
    """`changes` are of CHANGEABLE; `by` None is the identity provider, whom an owner has set up.

    Raises NotAllowed, OwnersOnly, RoleNotYours, NotYourself, LastOwner, PersonExists, SeatsTaken.
    """
    owners = owners_locked()
    row = User.objects.select_for_update().get(pk=person.pk)
    changed = {name: value for name, value in changes.items() if name in CHANGEABLE and getattr(row, name) != value}
    if by is not None:
        require_may_touch(by, row)
        require_role_to_give(by, changed.get("role", row.role))
        if by.pk == row.pk and changed.get("is_active") is False:
            raise NotYourself
    stays = changed.get("is_active", row.is_active) and changed.get("role", row.role) == Role.OWNER
    keep_an_owner(owners, row, stays=stays)
    if changed.get("is_active"):
        require_seats()
    if "email" in changed:
        email_move(row, str(changed["email"]).lower())
    before = row.role
    for name, value in changed.items():
        setattr(row, name, value.lower() if name == "email" else value)
    if changed:
        row.save(update_fields=list(changed))
        note_change(row, changed, before)
    if changed.get("is_active") is False:
        access_end(row)
    if groups is not None:
        memberships_change(row, groups_by_id(groups))
    return row


def memberships_change(person: User, wanted: Iterable[Group], **why: str) -> None:
    """All the groups they are to be in. `why` goes to the audit log."""
    before, after = set(person.member_of.all()), set(wanted)
    if before == after:
        return
    person.member_of.set(after)
    moved = {"joined": after - before, "left": before - after}
    named = {name: sorted(str(group.pk) for group in groups)[:MOST_NAMED] for name, groups in moved.items() if groups}
    audit(Action.MEMBERSHIPS_CHANGED, target=person.email, target_id=str(person.pk), detail={**named, **why})


def note_change(person: User, changed: Iterable[str], role_before: str) -> None:
    told = partial(audit, target=person.email, target_id=str(person.pk))
    if person.role != role_before:
        told(Action.ROLE_CHANGED, detail={"from": role_before, "to": person.role})
    if others := sorted(set(changed) - {"role"}):
        told(Action.PERSON_CHANGED, detail={"fields": others, "is_active": person.is_active})


@transaction.atomic
def person_delete(*, person: User, by: User | None) -> None:
    """With what hangs on them in this schema. What must be stopped or handed over first is done by whoever calls."""
    owners = owners_locked()
    if by is not None:
        require_may_touch(by, person)
        if by.pk == person.pk:
            raise NotYourself
    keep_an_owner(owners, person, stays=False)
    access_end(person)
    User.objects.filter(pk=person.pk).delete()
    audit(Action.PERSON_REMOVED, target=person.email, target_id=str(person.pk))


# -- the rules ------------------------------------------------------------------------------------


def owners_locked() -> set[UUID]:
    """The active owners. Held until the end of the transaction, so that two of them can't remove each other at once."""
    rows = User.objects.select_for_update().filter(role=Role.OWNER, is_active=True, is_service=False)
    return {owner.pk for owner in rows.order_by("pk")}


def keep_an_owner(owners: set[UUID], person: User, *, stays: bool) -> None:
    if not stays and owners == {person.pk}:
        raise LastOwner


def require_may_touch(by: User, person: User) -> None:
    require(by, Can.MANAGE_PEOPLE)
    if person.role == Role.OWNER and not may(by.role, Can.MANAGE_OWNERS):
        raise OwnersOnly


def require_role_to_give(by: User, role: str) -> None:
    if Role(role) not in roles_given_by(by.role):
        raise RoleNotYours


def email_move(person: User, email: str) -> None:
    """A mailbox that the person lost must not receive reset links any more."""
    if User.objects.filter(email__iexact=email).exclude(pk=person.pk).exists():
        raise PersonExists
    EmailAddress.objects.filter(user=person).exclude(email__iexact=email).delete()


# -- groups ---------------------------------------------------------------------------------------


@transaction.atomic
def group_create(*, name: str, cost_centre: str = "", members: Sequence[UUID] = ()) -> Group:
    group = Group(name=" ".join(name.split()))
    return group_change(group=group, name=name, cost_centre=cost_centre, members=members)


@transaction.atomic
def group_change(
    *, group: Group, name: str | None = None, cost_centre: str | None = None, members: Sequence[UUID] | None = None
) -> Group:
    """Counts from the next question and click on."""
    if name is not None:
        group.name = " ".join(name.split())
        if Group.objects.filter(name__iexact=group.name).exclude(pk=group.pk).exists():
            raise GroupExists
    if cost_centre is not None:
        group.cost_centre = cost_centre.strip()
    is_new = group._state.adding
    group.full_clean()
    group.save()
    moved = members_change(group, set(members)) if members is not None else {}
    action = Action.GROUP_ADDED if is_new else Action.GROUP_CHANGED
    audit(action, target=group.name, target_id=str(group.pk), detail=moved)
    return group


def members_change(group: Group, wanted: set[UUID]) -> dict[str, Any]:
    """Who came and who went: how many, and the first of their ids."""
    before = set(group.members.values_list("pk", flat=True))
    new = list(User.objects.filter(pk__in=wanted - before))
    gone = list(User.objects.filter(pk__in=before - wanted))
    group.members.add(*new)
    group.members.remove(*gone)
    return {name: counted(rows) for name, rows in (("added", new), ("removed", gone)) if rows}


def counted(people: Sequence[User]) -> dict[str, Any]:
    return {"count": len(people), "ids": sorted(str(person.pk) for person in people)[:MOST_NAMED]}


@transaction.atomic
def group_delete(*, group: Group) -> None:
    """A closed collection that named only this group is then read by nobody, until an admin names another."""
    audit(Action.GROUP_REMOVED, target=group.name, target_id=str(group.pk))
    group.delete()
