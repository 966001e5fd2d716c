"""What others tell by signals: sign-ins, passwords, the admin sites' own log, states of organisations."""

from __future__ import annotations

import json
from typing import Any

from allauth.account.signals import password_changed, password_reset, password_set
from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authenticator_added, authenticator_removed, authenticator_reset
from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db.models.signals import post_save
from django.dispatch import receiver

from accounts.audit.actions import audit
from accounts.audit.registry import Action
from accounts.models import User
from accounts.people.ending import access_look
from tenants.context import PUBLIC, entered
from tenants.models import Organisation
from tenants.signals import state_changed

ADMIN_ACTIONS = {ADDITION: Action.ADMIN_ADDED, CHANGE: Action.ADMIN_CHANGED, DELETION: Action.ADMIN_DELETED}
# Of other models the log holds no name: it may be a question somebody asked.
NAMED = {"person", "group", "apikey", "collection", "document", "experiment", "organisation", "plan", "subscription"}
STATES = {
    Organisation.State.SUSPENDED: Action.ORGANISATION_SUSPENDED,
    Organisation.State.ACTIVE: Action.ORGANISATION_OPENED,
}


@receiver(user_logged_in)
def signed_in(user: User, **kwargs: Any) -> None:
    audit(Action.SIGNED_IN, actor=user, target=user.email, target_id=str(user.pk))


@receiver(user_login_failed)
def sign_in_failed(credentials: dict[str, Any], **kwargs: Any) -> None:
    """The address that was tried is kept as the target: who tried is not known."""
    tried = next((credentials[name] for name in ("email", "username", "login") if credentials.get(name)), "")
    audit(Action.SIGN_IN_FAILED, target=str(tried))


@receiver(user_logged_out)
def signed_out(user: Any, **kwargs: Any) -> None:
    if isinstance(user, User):
        audit(Action.SIGNED_OUT, actor=user, target=user.email, target_id=str(user.pk))
        access_look()


@receiver([password_changed, password_set])
def changed_password(user: User, **kwargs: Any) -> None:
    audit(Action.PASSWORD_CHANGED, actor=user, target=user.email, target_id=str(user.pk))


@receiver(password_reset)
def reset_password(user: User, **kwargs: Any) -> None:
    audit(Action.PASSWORD_RESET, actor=user, target=user.email, target_id=str(user.pk))


@receiver([authenticator_added, authenticator_reset])
def added_second_factor(user: User, authenticator: Authenticator, **kwargs: Any) -> None:
    detail = {"kind": str(authenticator.type)}
    audit(Action.SECOND_FACTOR_ADDED, actor=user, target=user.email, target_id=str(user.pk), detail=detail)


@receiver(authenticator_removed)
def removed_second_factor(user: User, authenticator: Authenticator, **kwargs: Any) -> None:
    detail = {"kind": str(authenticator.type)}
    audit(Action.SECOND_FACTOR_REMOVED, actor=user, target=user.email, target_id=str(user.pk), detail=detail)


@receiver(post_save, sender=LogEntry)
def done_on_admin_site(instance: LogEntry, created: bool, **kwargs: Any) -> None:
    if not created or instance.action_flag not in ADMIN_ACTIONS:
        return
    model = instance.content_type.model if instance.content_type else ""
    kind = "person" if model == User._meta.model_name else model
    actor = User.objects.filter(pk=instance.user_id).first()
    audit(
        ADMIN_ACTIONS[instance.action_flag],
        actor=actor,
        target=instance.object_repr if kind in NAMED else "",
        target_id=instance.object_id or "",
        target_kind=kind,
        detail={"fields": fields_of(instance.change_message)},
    )


def fields_of(message: str) -> list[str]:
    """The names of what was changed, out of Django's own note."""
    try:
        notes = json.loads(message or "[]")
    except ValueError:
        return []
    changed = [note.get("changed", {}) for note in notes if isinstance(note, dict)]
    return [str(name) for one in changed for name in one.get("fields", [])]


@receiver(state_changed)
def organisation_state_changed(organisation: Organisation, state: str, **kwargs: Any) -> None:
    """In the organisation's own log, and in the platform's."""
    for schema_name in (organisation.schema_name, PUBLIC):
        with entered(schema_name):
            audit(
                STATES[Organisation.State(state)],
                target=organisation.name,
                target_id=str(organisation.pk),
                organisation=organisation.schema_name,
            )
