"""Rows as SCIM resources, found by SCIM filters."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.db.models import CharField, F, Prefetch, Q, QuerySet, Value
from django.db.models.functions import Coalesce, Greatest
from scim2_models import Meta

from accounts.models import Group, User
from accounts.scim.errors import NothingThere
from accounts.scim.filters import condition_of
from accounts.scim.models import ScimPerson
from accounts.scim.resources import Email, GivenRole, Member, Membership, Name, Person, Team

WORK = "work"
# Attribute of a filter, in small letters → (field of the annotated row, whether capitals count)
PERSON_FIELDS = {
    "id": ("pk", True),
    "externalid": ("scim_external_id", True),
    "username": ("scim_user_name", False),
    "displayname": ("name", False),
    "name.formatted": ("name", False),
    "name.givenname": ("scim__given_name", False),
    "name.familyname": ("scim__family_name", False),
    "emails": ("email", False),
    "emails.value": ("email", False),
    "active": ("is_active", True),
    "meta.created": ("date_joined", True),
    "meta.lastmodified": ("scim_changed_at", True),
}
GROUP_FIELDS = {
    "id": ("pk", True),
    "externalid": ("scim_external_id", True),
    "displayname": ("name", False),
    "members": ("members__pk", True),
    "members.value": ("members__pk", True),
    "meta.created": ("created_at", True),
    "meta.lastmodified": ("scim_changed_at", True),
}


def people_of_directory(filter_text: str = "") -> QuerySet[User]:
    """Everybody but programs, and those whom the directory has deleted. Raises FilterUnfit."""
    gone = Q(scim__deleted_at__isnull=False, is_active=False)
    rows = User.objects.filter(is_service=False).exclude(gone).select_related("scim")
    rows = rows.annotate(
        scim_user_name=Coalesce("scim__user_name", "email", output_field=CharField()),
        scim_external_id=Coalesce("scim__external_id", Value("")),
        scim_changed_at=Greatest(F("date_joined"), F("scim__changed_at")),
    )
    return rows.filter(condition_of(filter_text, Person, PERSON_FIELDS)).order_by("date_joined", "pk")


def groups_of_directory(filter_text: str = "") -> QuerySet[Group]:
    rows = Group.objects.select_related("scim").annotate(
        scim_external_id=Coalesce("scim__external_id", Value("")),
        scim_changed_at=Greatest(F("created_at"), F("scim__changed_at")),
    )
    return rows.filter(condition_of(filter_text, Team, GROUP_FIELDS)).order_by("created_at", "pk").distinct()


def with_memberships(rows: QuerySet[User]) -> QuerySet[User]:
    return rows.prefetch_related(Prefetch("member_of", Group.objects.order_by("name")))


def with_members(rows: QuerySet[Group]) -> QuerySet[Group]:
    people = User.objects.filter(is_service=False).only("pk", "name", "email").order_by("email")
    return rows.prefetch_related(Prefetch("members", people))


def person_found(person_id: str) -> User:
    row: User = found(with_memberships(people_of_directory()), person_id)
    return row


def group_found(group_id: str) -> Group:
    row: Group = found(with_members(groups_of_directory()), group_id)
    return row


def found(rows: QuerySet[Any], given: str) -> Any:
    row = rows.filter(pk=as_id(given)).first() if as_id(given) else None
    if row is None:
        raise NothingThere
    return row


def as_id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def scim_of(row: User) -> ScimPerson | None:
    return getattr(row, "scim", None)


# -- as resources ---------------------------------------------------------------------------------


def person_resource(row: User, base: str) -> Person:
    """`base` is the address of the service. The row comes with its memberships."""
    told = scim_of(row)
    return Person(
        id=str(row.pk),
        external_id=(told.external_id or None) if told else None,
        user_name=told.user_name if told else row.email,
        name=name_resource(row, told),
        display_name=row.name or None,
        active=row.is_active,
        emails=[Email(value=row.email, type=WORK, primary=True)],
        roles=[GivenRole(value=value) for value in told.roles] or None if told else None,
        groups=[Membership(value=str(group.pk), display=group.name) for group in row.member_of.all()] or None,
        meta=Meta(
            resource_type="User",
            created=row.date_joined,
            last_modified=max(row.date_joined, told.changed_at) if told else row.date_joined,
            location=f"{base}Users/{row.pk}",
        ),
    )


def name_resource(row: User, told: ScimPerson | None) -> Name | None:
    if not row.name and told is None:
        return None
    return Name(
        formatted=row.name or None,
        given_name=(told.given_name or None) if told else None,
        family_name=(told.family_name or None) if told else None,
    )


def group_resource(row: Group, base: str, *, without: Collection[str] = ()) -> Team:
    """Without its members where they are not asked for: there may be thousands."""
    told = getattr(row, "scim", None)
    return Team(
        id=str(row.pk),
        external_id=(told.external_id or None) if told else None,
        display_name=row.name,
        members=None if "members" in without else members_resource(row, base),
        meta=Meta(
            resource_type="Group",
            created=row.created_at,
            last_modified=max(row.created_at, told.changed_at) if told else row.created_at,
            location=f"{base}Groups/{row.pk}",
        ),
    )


def members_resource(row: Group, base: str) -> list[Member] | None:
    people = [person for person in row.members.all() if not person.is_service]
    shown = [
        Member(value=str(person.pk), type="User", ref=f"{base}Users/{person.pk}", display=str(person))
        for person in people
    ]
    return shown or None
