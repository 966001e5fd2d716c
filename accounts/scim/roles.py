"""Which role a person of the directory has: by the groups it puts them in, and by what it says in `roles`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from uuid import UUID

from django.db import transaction

from accounts.audit.actions import audit
from accounts.audit.registry import Action
from accounts.models import User
from accounts.people.actions import person_change, require_role_to_give
from accounts.permissions import Can, Role
from accounts.scim.models import ScimRules
from accounts.selectors import require
from accounts.sign_in.claims import role_of

GIVEN = tuple(role for role in Role if role != Role.OWNER)  # an owner is made by people


def rules() -> ScimRules:
    return ScimRules.objects.filter(pk=1).first() or ScimRules()


@transaction.atomic
def rules_change(*, by: User, default_role: str, role_map: Mapping[str, str]) -> ScimRules:
    """Holds at once for everybody whom the directory manages. Raises NotAllowed, RoleNotYours."""
    require(by, Can.MANAGE_SIGN_IN)
    for role in {default_role, *role_map.values()}:
        require_role_to_give(by, role)
    row, _ = ScimRules.objects.update_or_create(
        pk=1, defaults={"default_role": Role(default_role), "role_map": dict(role_map)}
    )
    audit(Action.SCIM_RULES_CHANGED, detail={"default_role": default_role, "mapped": len(role_map)})
    roles_follow(User.objects.filter(scim__isnull=False).values_list("pk", flat=True))
    return row


def roles_follow(people: Iterable[UUID]) -> None:
    """Where roles are mapped, these people get theirs. Owners stay owners; without a map everybody keeps theirs."""
    rule = rules()
    if not rule.role_map:
        return
    rows = User.objects.filter(pk__in=list(people), scim__isnull=False).exclude(role=Role.OWNER)
    for user in rows.select_related("scim"):
        role = role_of(values_of(user), rule.role_map, GIVEN, rule.default_role)
        if role != user.role:
            person_change(person=user, by=None, role=role)


def values_of(user: User) -> list[str]:
    """Of groups those that the directory manages: in others people put themselves."""
    groups = [group.name for group in user.member_of.filter(scim__isnull=False)]
    return [*user.scim.roles, *groups]
