"""Who comes in by an identity provider, and as what."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NoReturn

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialApp, SocialLogin
from allauth.socialaccount.providers.base.constants import AuthProcess
from django.db import transaction
from django.http import HttpRequest
from django.shortcuts import render

from accounts.audit.actions import audit
from accounts.audit.registry import Action
from accounts.models import Group, User
from accounts.people.actions import memberships_change
from accounts.people.seats import require_seats
from accounts.permissions import Role
from accounts.sign_in.again import came_back, is_again
from accounts.sign_in.claims import domain_of, is_vouched, role_of, subjects_agree, values_of
from accounts.sign_in.models import IdentityProvider
from accounts.sign_in.outward import guarded_session
from accounts.sign_in.providers import enabled_apps
from tenants.errors import SeatsTaken

logger = logging.getLogger(__name__)

NOT_A_MEMBER = "You are not a member of this organisation yet. Ask its administrator to add you."
NO_SEAT = "Your organisation's plan has no free seat. Ask its administrator to make room for you."
NOT_VOUCHED = (
    "Your identity provider gave no e-mail address that it may speak for here. Ask your administrator to check the "
    "domains on the page How people sign in."
)


class ProviderAdapter(DefaultSocialAccountAdapter):
    def list_apps(
        self, request: HttpRequest, provider: str | None = None, client_id: str | None = None
    ) -> list[SocialApp]:
        return enabled_apps(provider, client_id) if getattr(request, "organisation", None) else []

    def get_requests_session(self) -> Any:
        return guarded_session()

    def is_email_verified(self, provider: Any, email: str) -> bool:
        return False  # `is_vouched` decides

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        return row_of(sociallogin).makes_members

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """The provider has said who comes. Known people are found, others become members where that is allowed."""
        if sociallogin.state.get("process") == AuthProcess.REDIRECT and is_again(sociallogin):
            if why := came_back(request, sociallogin):
                refuse(request, why, "not the sign-in that was asked for", title="That did not confirm who you are")
            return
        if sociallogin.state.get("process") != AuthProcess.LOGIN:
            refuse(request, "", "not a sign-in")
        row, claims = row_of(sociallogin), claims_of(request, sociallogin)
        email = next((address.email for address in sociallogin.email_addresses), "")
        if (email or not sociallogin.is_existing) and not is_vouched(email, claims.get("email_verified"), row.domains):
            refuse(request, NOT_VOUCHED, f"{row.slug}: no word for an address of {domain_of(email) or 'nobody'}")
        if not sociallogin.is_existing:
            self.recognise(request, sociallogin, row, email)
        if sociallogin.is_existing:
            renew_role(sociallogin.user, row, claims)
            groups_follow(sociallogin.user, row, claims)

    def recognise(self, request: HttpRequest, sociallogin: SocialLogin, row: IdentityProvider, email: str) -> None:
        user = User.objects.filter(email__iexact=email).first()
        if user is not None:
            sociallogin.connect(request, user)
        elif not row.makes_members:
            refuse(request, NOT_A_MEMBER, f"{row.slug}: no such member")

    def populate_user(self, request: HttpRequest, sociallogin: SocialLogin, data: dict[str, Any]) -> User:
        user: User = super().populate_user(request, sociallogin, data)
        parts = (data.get("first_name") or "", data.get("last_name") or "")
        user.name = str(data.get("name") or " ".join(parts).strip())[:120]
        return user

    def save_user(self, request: HttpRequest, sociallogin: SocialLogin, form: Any = None) -> User:
        row, claims = row_of(sociallogin), claims_of(request, sociallogin)
        sociallogin.user.role = mapped_role(row, claims)
        for address in sociallogin.email_addresses:
            address.verified = address.email.lower() == sociallogin.user.email.lower()
        with seat_or_refusal(request):
            user: User = super().save_user(request, sociallogin, form)
        groups_follow(user, row, claims)
        logger.info("sign_in.member_made", extra={"provider": row.slug, "user": str(user.pk), "role": user.role})
        return user

    def on_authentication_error(
        self, request: HttpRequest, provider: Any, error: Any = None, exception: Any = None, extra_context: Any = None
    ) -> None:
        slug = getattr(getattr(provider, "app", None), "provider_id", "")
        logger.warning("sign_in.provider_failed", extra={"provider": slug, "detail": f"{error} {exception!r}"[:300]})


def row_of(sociallogin: SocialLogin) -> IdentityProvider:
    row: IdentityProvider = IdentityProvider.objects.get(slug=sociallogin.account.provider, is_enabled=True)
    return row


def claims_of(request: HttpRequest, sociallogin: SocialLogin) -> Mapping[str, Any]:
    """Of the token and of the user-info page: some say the groups here, some there."""
    data: Mapping[str, Any] = sociallogin.account.extra_data
    id_token, userinfo = data.get("id_token") or {}, data.get("userinfo") or {}
    if not isinstance(id_token, Mapping) or not isinstance(userinfo, Mapping) or not (id_token or userinfo):
        return {name: one_or_many(values) for name, values in data.items()}
    if not subjects_agree(id_token, userinfo):
        refuse(request, "", "token and user info are about different people")
    return {**id_token, **userinfo}


def one_or_many(values: Any) -> Any:
    """A SAML attribute is a list, also when there is one."""
    return values[0] if isinstance(values, list) and len(values) == 1 else values


def mapped_role(row: IdentityProvider, claims: Mapping[str, Any]) -> str:
    """Never owner: that is given by people."""
    order = [role for role in Role if role != Role.OWNER]
    values = values_of(claims, row.role_claim) if row.role_claim else []
    return role_of(values, row.role_map, order, row.default_role)


def renew_role(user: User, row: IdentityProvider, claims: Mapping[str, Any]) -> None:
    """Where roles come from the provider, it is asked each time. Owners stay owners."""
    if not row.role_claim or user.role == Role.OWNER:
        return
    role = mapped_role(row, claims)
    if role != user.role:
        User.objects.filter(pk=user.pk).update(role=role)
        facts = {"from": user.role, "to": role, "provider": row.slug}
        audit(Action.ROLE_CHANGED, actor=user, target=user.email, target_id=str(user.pk), detail=facts)
        logger.info("sign_in.role_changed", extra={"provider": row.slug, "user": str(user.pk), "role": role})
        user.role = role


def groups_follow(user: User, row: IdentityProvider, claims: Mapping[str, Any]) -> None:
    """Of the groups that the provider speaks for, exactly those that it names; all others are left as they are, also
    those that a directory manages."""
    if not row.group_claim:
        return
    values = set(values_of(claims, row.group_claim))
    spoken_for = {group_id for _, group_id in row.group_map}
    named = {group_id for value, group_id in row.group_map if value in values}
    groups = Group.objects.filter(pk__in=spoken_for, scim=None)
    stays = user.member_of.exclude(pk__in=[group.pk for group in groups])
    memberships_change(user, [*stays, *(group for group in groups if str(group.pk) in named)], provider=row.slug)


@contextmanager
def seat_or_refusal(request: HttpRequest) -> Iterator[None]:
    """Around the making of a member."""
    with transaction.atomic():
        try:
            require_seats()
        except SeatsTaken:
            refuse(request, NO_SEAT, "no seat is free")
        yield


def refuse(request: HttpRequest, sentence: str, detail: str, title: str = "") -> NoReturn:
    logger.warning("sign_in.provider_refused", extra={"detail": detail})
    context = {"sign_in_problem": sentence, "problem_title": title}
    raise ImmediateHttpResponse(render(request, "socialaccount/authentication_error.html", context, status=403))
