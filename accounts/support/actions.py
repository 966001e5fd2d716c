"""Support inside an organisation: somebody of their own for each leave, who is gone when it is over."""

from __future__ import annotations

from django.db import transaction

from accounts.audit.actions import audit
from accounts.audit.registry import Action
from accounts.models import User
from accounts.people.ending import access_end
from accounts.permissions import Role
from tenants.context import PUBLIC, entered
from tenants.models import Organisation
from tenants.support import actions
from tenants.support.models import SupportGrant


def support_asked(organisation: Organisation, row: SupportGrant) -> None:
    """By an operator: both sides write it down."""
    told(organisation, Action.SUPPORT_ASKED, row)


@transaction.atomic
def support_user(row: SupportGrant) -> User:
    """Who support is, in the schema that is entered. No password, no seat, no mail; its name says which operator."""
    user = User.objects.filter(pk=row.user_id, is_support=True).first() if row.user_id else None
    if user is None:
        user = User.objects.create_user(
            f"support-{row.pk.hex[:12]}.{row.entered_by}"[:254],
            None,
            name=f"Vena support ({row.entered_by})"[:120],
            role=Role.EDITOR,
            is_service=True,
            is_support=True,
        )
        SupportGrant.objects.filter(pk=row.pk).update(user_id=user.pk)
    audit(Action.SUPPORT_ENTERED, actor=user, target_id=str(row.pk), detail=facts_of(row))
    return user


def support_end(organisation: Organisation, row: SupportGrant) -> None:
    """At once: sessions are gone and open sockets close. Repeatable."""
    with entered(PUBLIC):
        was_open = actions.support_close(row)
    leave(organisation, row)
    if was_open:
        told(organisation, Action.SUPPORT_ENDED, row)


def leave(organisation: Organisation, row: SupportGrant) -> None:
    with entered(organisation.schema_name):
        user = User.objects.filter(pk=row.user_id, is_support=True, is_active=True).first() if row.user_id else None
        if user is not None:
            User.objects.filter(pk=user.pk).update(is_active=False)
            access_end(user)


def support_sweep() -> int:
    """What is over by the clock."""
    with entered(PUBLIC):
        over = [(row.organisation, row) for row in actions.support_sweep()]
    for organisation, row in over:
        leave(organisation, row)
        told(organisation, Action.SUPPORT_ENDED, row)
    return len(over)


def told(organisation: Organisation, action: Action, row: SupportGrant) -> None:
    for schema_name in (organisation.schema_name, PUBLIC):
        with entered(schema_name):
            audit(
                action,
                target=organisation.name,
                target_id=str(row.pk),
                organisation=organisation.schema_name,
                detail=facts_of(row),
            )


def facts_of(row: SupportGrant) -> dict[str, object]:
    return {
        "operator": row.entered_by or row.asked_by,
        "reason": row.reason,
        "minutes": row.minutes,
        "may_change": row.may_change,
    }
