"""What changes how an organisation's people sign in."""

from __future__ import annotations

from collections.abc import Collection

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.db import transaction
from django.utils.module_loading import import_string

from accounts.audit.actions import audit
from accounts.audit.registry import Action
from accounts.models import User
from accounts.people.ending import access_look
from accounts.permissions import Role
from accounts.sign_in.errors import PolicyNotPossible
from accounts.sign_in.models import IdentityProvider, SignInPolicy
from accounts.sign_in.policy import came_by_provider, forget_policy
from tenants.context import active_schema, entered

SessionStore = import_string(f"{settings.SESSION_ENGINE}.SessionStore")


@transaction.atomic
def policy_change(*, second_factor: bool, provider: bool, key_holders: Collection[User]) -> SignInPolicy:
    """Raises PolicyNotPossible when it would shut everybody out."""
    if provider:
        check_provider_can_be_required(key_holders)
    row, _ = SignInPolicy.objects.select_for_update().get_or_create(pk=1)
    row.is_second_factor_required, row.is_provider_required = second_factor, provider
    row.save()
    row.key_holders.set(key_holders)
    forget_policy()
    facts = {
        "second_factor": second_factor,
        "provider": provider,
        "key_holders": sorted(str(one.pk) for one in key_holders),
    }
    audit(Action.SSO_CHANGED, detail={"act": "policy", **facts})
    if provider:
        schema, holders = active_schema(), list(key_holders)
        transaction.on_commit(lambda: sessions_end_without_provider(schema, except_for=holders))
    return row


def check_provider_can_be_required(key_holders: Collection[User]) -> None:
    if not any(one.works and one.is_complete for one in IdentityProvider.objects.filter(is_enabled=True)):
        raise PolicyNotPossible("Switch an identity provider on and test it first: nobody could sign in otherwise.")
    if not any(user.role == Role.OWNER and user.is_active and user.has_usable_password() for user in key_holders):
        raise PolicyNotPossible(
            "Name at least one active owner with a password who may still use it. If the identity provider fails, "
            "this person lets everybody in again."
        )


def sessions_end_without_provider(schema_name: str, *, except_for: Collection[User]) -> int:
    """Sign out those who came in another way; says how many sessions ended."""
    ended = 0
    with entered(schema_name):
        for row in UserSession.objects.exclude(user__in=except_for):
            if not came_by_provider(SessionStore(row.session_key)):
                row.end()
                ended += 1
        access_look()
    return ended
