"""What the directory does to groups: theirs are ours, so what their members may read follows at once."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.db import transaction
from scim2_models import PatchOp

from accounts.audit.actions import audit
from accounts.audit.registry import Action
from accounts.errors import GroupExists
from accounts.models import Group, User
from accounts.people.actions import group_change, group_create, group_delete
from accounts.scim.errors import AlreadyManaged, NotByDirectory, ValueUnfit
from accounts.scim.models import ScimGroup
from accounts.scim.reading import as_id, group_found, group_resource
from accounts.scim.resources import POLICY, Member, Team
from accounts.scim.roles import roles_follow

LONGEST_NAME, LONGEST_ID = 120, 200


@transaction.atomic
def group_take(resource: Team) -> Group:
    """A new one; or one of this name that is here already, which the directory manages from now on."""
    name, members = name_of(resource), people_named(resource.members)
    row = Group.objects.select_for_update().filter(name__iexact=name).first()
    if row is None:
        row = group_create(name=name, members=members)
    elif ScimGroup.objects.filter(group=row).exists():
        raise AlreadyManaged
    else:
        members_set(row, members)
    remember(row, resource)
    audit(Action.SCIM_LINKED, target=row.name, target_id=str(row.pk), target_kind="group")
    roles_follow(members)
    return row


def group_replace(group_id: str, wanted: Team) -> Group:
    with transaction.atomic():
        return group_become(locked(group_id), wanted)


def group_patch(group_id: str, patch: PatchOp[Team]) -> Group:
    """Raises what `group_become` does; SCIMException where an operation fits nothing."""
    with transaction.atomic():
        row, wanted = locked(group_id), group_resource(group_found(group_id), "")
        patch.patch(wanted, scim_policy=POLICY)
        return group_become(row, wanted)


def group_become(row: Group, wanted: Team) -> Group:
    """Raises GroupExists, ValueUnfit."""
    before = set(row.members.filter(is_service=False).values_list("pk", flat=True))
    name = name_of(wanted)
    members = people_named(wanted.members, known=before)
    if name != row.name:
        group_change(group=row, name=name)
    members_set(row, members)
    remember(row, wanted)
    roles_follow(before | set(members))
    return row


@transaction.atomic
def group_drop(group_id: str) -> None:
    """One that the directory made or has taken over; one of the organisation's own stays."""
    row = locked(group_id)
    if not ScimGroup.objects.filter(group=row).exists():
        raise NotByDirectory("This group is not managed by the directory. Delete it on the page Groups.")
    members = list(row.members.values_list("pk", flat=True))
    group_delete(group=row)
    roles_follow(members)


def locked(group_id: str) -> Group:
    return Group.objects.select_for_update().get(pk=group_found(group_id).pk)


def members_set(row: Group, people: list[UUID]) -> None:
    """Programs are no people of the directory's, and stay."""
    programs = row.members.filter(is_service=True).values_list("pk", flat=True)
    group_change(group=row, members=[*people, *programs])


def people_named(members: Iterable[Member] | None, known: Iterable[UUID] = ()) -> list[UUID]:
    """`known` are in the group already, and not looked up again. Raises ValueUnfit for somebody who is not here."""
    wanted = {as_id(member.value or "") for member in members or []}
    people = {one for one in wanted if one is not None}
    new = people - set(known)
    found = set(User.objects.filter(pk__in=new, is_service=False).values_list("pk", flat=True))
    if len(people) != len(wanted) or found != new:
        raise ValueUnfit("A member is not here. Send people before the groups they are in.")
    return sorted(people)


def name_of(resource: Team) -> str:
    name = " ".join((resource.display_name or "").split())
    if not name or len(name) > LONGEST_NAME or "\x00" in name:
        raise ValueUnfit(f"displayName: from 1 to {LONGEST_NAME} characters.")
    return name


def remember(row: Group, resource: Team) -> None:
    external_id = resource.external_id
    if external_id and (len(external_id) > LONGEST_ID or "\x00" in external_id):
        raise ValueUnfit(f"externalId: at most {LONGEST_ID} characters.")
    if external_id and ScimGroup.objects.filter(external_id=external_id).exclude(group=row).exists():
        raise GroupExists
    ScimGroup.objects.update_or_create(group=row, defaults={} if external_id is None else {"external_id": external_id})
