"""What the directory does to people. Who stays owner is said in `accounts.people.actions`, which this goes through."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils import timezone
from scim2_models import PatchOp

from accounts.audit.actions import audit
from accounts.audit.registry import Action
from accounts.models import User
from accounts.people.actions import person_add, person_change
from accounts.permissions import Role
from accounts.scim.errors import AlreadyManaged, NotByDirectory, ValueUnfit
from accounts.scim.models import ScimPerson
from accounts.scim.reading import person_found, person_resource, scim_of
from accounts.scim.resources import POLICY, Name, Person
from accounts.scim.roles import roles_follow, rules

LONGEST = {"user_name": 254, "external_id": 200, "given_name": 120, "family_name": 120}


@transaction.atomic
def person_take(resource: Person) -> User:
    """Somebody new; or somebody who is here already, whom the directory manages from now on. Raises AlreadyManaged."""
    email, name = email_of(resource), shown_name(resource)
    is_active = resource.active is not False
    user = User.objects.select_for_update().filter(email__iexact=email, is_service=False).first()
    if user is None:
        user = person_add(email=email, name=name, role=rules().default_role)
        if not is_active:
            person_change(person=user, by=None, is_active=False)
    else:
        refuse_managed(user)
        person_change(person=user, by=None, is_active=is_active, name=user.name or name)
    remember(user, resource)
    audit(Action.SCIM_LINKED, target=user.email, target_id=str(user.pk), target_kind="person")
    roles_follow([user.pk])
    return user


def refuse_managed(user: User) -> None:
    told = scim_of(user)
    if told is not None and (told.deleted_at is None or user.is_active):
        raise AlreadyManaged


def person_replace(person_id: str, wanted: Person) -> User:
    """PUT: what is not named stays as it is, also where the standard would let it be emptied."""
    with transaction.atomic():
        user = locked(person_id)
        return person_become(user, before=person_resource(user, ""), after=wanted)


def person_patch(person_id: str, patch: PatchOp[Person]) -> User:
    """Raises what `person_become` does; SCIMException where an operation fits nothing."""
    with transaction.atomic():
        user = locked(person_id)
        before = person_resource(user, "")
        after = before.model_copy(deep=True)
        patch.patch(after, scim_policy=POLICY)
        return person_become(user, before=before, after=after)


@transaction.atomic
def person_drop(person_id: str) -> None:
    """The person can't come in any more; what they wrote stays. For the directory they are gone, and the names free."""
    user = locked(person_id)
    person_change(person=user, by=None, is_active=False)
    told = remember(user, person_resource(user, ""))
    ScimPerson.objects.filter(pk=told.pk).update(user_name=str(user.pk), external_id="", deleted_at=timezone.now())


def locked(person_id: str) -> User:
    user = person_found(person_id)
    User.objects.select_for_update().get(pk=user.pk)
    return person_found(person_id)


def person_become(user: User, *, before: Person, after: Person) -> User:
    """Raises LastOwner, NotByDirectory, PersonExists, ValueUnfit."""
    changes: dict[str, Any] = {"email": new_email(before, after), "name": new_name(before, after)}
    if after.active is not None:
        changes["is_active"] = after.active
    if user.role == Role.OWNER and changes["email"] != user.email:
        raise NotByDirectory("An owner's address is not changed by the directory. An owner has to do it in Vena.")
    person_change(person=user, by=None, **changes)
    remember(user, after)
    roles_follow([user.pk])
    return user


def remember(user: User, resource: Person) -> ScimPerson:
    """What is not named stays."""
    name = resource.name or Name()
    given = {
        "user_name": (resource.user_name or "").strip(),
        "external_id": resource.external_id,
        "given_name": name.given_name,
        "family_name": name.family_name,
    }
    values: dict[str, Any] = {field: fitting(field, value) for field, value in given.items() if value is not None}
    if resource.roles is not None:
        values["roles"] = [role.value[:200] for role in resource.roles if role.value][:50]
    refuse_taken(user, values["user_name"])
    row, _ = ScimPerson.objects.update_or_create(user=user, defaults={**values, "deleted_at": None})
    return row


def refuse_taken(user: User, user_name: str) -> None:
    """Neither another managed person's name, nor the address by which somebody unmanaged is found."""
    others = User.objects.exclude(pk=user.pk).filter(is_service=False)
    if others.filter(scim__user_name__iexact=user_name).exists() or (
        others.filter(scim=None, email__iexact=user_name).exists()
    ):
        raise AlreadyManaged("Somebody else has this userName already.")


def fitting(field: str, value: str) -> str:
    if not value and field == "user_name":
        raise ValueUnfit("userName must not be empty.")
    if len(value) > LONGEST[field] or "\x00" in value:
        raise ValueUnfit(f"{field}: at most {LONGEST[field]} characters, and no control characters.")
    return value


# -- address and name -----------------------------------------------------------------------------


def email_of(resource: Person) -> str:
    """The primary address, else the one at work, else the first, else the userName. Raises ValueUnfit."""
    rows = [row for row in resource.emails or [] if row.value]
    order = [*(row for row in rows if row.primary), *(row for row in rows if row.type == "work"), *rows]
    found = str(order[0].value) if order else str(resource.user_name or "")
    return checked_email(found)


def checked_email(text: str) -> str:
    email = text.strip().lower()
    try:
        validate_email(email)
    except ValidationError:
        raise ValueUnfit("Send an e-mail address, as the primary one of emails or as userName.") from None
    if len(email) > 254:
        raise ValueUnfit("The e-mail address is too long.")
    return email


def new_email(before: Person, after: Person) -> str:
    """Where the userName was the address and only the userName is changed, the address goes with it."""
    now = email_of(before)
    wanted = email_of(after) if after.emails else now
    is_renamed = (after.user_name or "").lower() != (before.user_name or "").lower()
    if wanted == now and is_renamed and (before.user_name or "").lower() == now:
        return checked_email(after.user_name or "")
    return wanted


def shown_name(resource: Person) -> str:
    name = resource.name or Name()
    return clean_name(resource.display_name or name.formatted or joined(name))


def joined(name: Name) -> str:
    return " ".join(part for part in (name.given_name, name.family_name) if part)


def clean_name(text: str) -> str:
    return " ".join(text.replace("\x00", "").split())[:120]


def new_name(before: Person, after: Person) -> str:
    """Whichever of the three ways to say it was changed."""
    old, new = before.name or Name(), after.name or Name()
    if after.display_name and after.display_name != before.display_name:
        return clean_name(after.display_name)
    if new.formatted and new.formatted != old.formatted:
        return clean_name(new.formatted)
    is_changed = new.given_name is not None and joined(new) != joined(old)
    if is_changed and (before.display_name or "") in ("", joined(old)):
        return clean_name(joined(new))
    return before.display_name or ""
