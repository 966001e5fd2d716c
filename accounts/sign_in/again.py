"""Signing in again at the identity provider, for people who have nothing else to show who they are.

The provider is asked to ask (`prompt=login` and `max_age=0`, or `ForceAuthn`), and must say when it did: one that lets
its own session count is not believed. Whoever comes back must be the person who went; nobody is signed in by it.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

from allauth.account.internal.flows.login import record_authentication
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.models import SocialAccount, SocialLogin
from allauth.socialaccount.providers.base.constants import AuthProcess
from allauth.socialaccount.providers.saml.utils import build_auth
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from lxml import etree  # type: ignore[import-untyped]

from accounts.audit.actions import audit
from accounts.audit.registry import Action
from accounts.models import User
from accounts.sign_in.models import IdentityProvider

SKEW = 60  # seconds that the provider's clock may be behind ours
LONGEST = 15 * 60  # seconds between going and coming back
SAML = "{urn:oasis:names:tc:SAML:2.0:assertion}"

NOT_YOU = "Somebody else signed in at your identity provider. Sign in there as yourself, and try again."
NOT_ASKED = (
    "Your identity provider did not ask you to sign in again, or does not say when it did. Tell your administrator; an "
    "owner with a password can do it meanwhile."
)
TOO_LATE = "That took too long. Begin again."


def providers_of(user: User) -> list[IdentityProvider]:
    """Those that this person has come by and that are switched on."""
    slugs = SocialAccount.objects.filter(user=user).values_list("provider", flat=True)
    return list(IdentityProvider.objects.filter(slug__in=list(slugs), is_enabled=True).order_by("name"))


def sent_to(request: HttpRequest, row: IdentityProvider, user: User, back: str) -> HttpResponse:
    """To the provider, and from there to `back`."""
    provider: Any = get_adapter(request).get_provider(request, row.slug)
    data = {"again": str(user.pk), "asked_at": int(time.time())}
    if row.kind != IdentityProvider.Kind.SAML:
        asked = {"prompt": "login", "max_age": "0"}
        response: HttpResponse = provider.redirect(
            request, process=AuthProcess.REDIRECT, next_url=back, data=data, auth_params=asked
        )
        return response
    auth = build_auth(request, provider)
    address = auth.login(return_to="", force_authn=True)
    provider.stash_redirect_state(request, AuthProcess.REDIRECT, back, data, state_id=auth.get_last_request_id())
    return HttpResponseRedirect(address)


def is_again(sociallogin: SocialLogin) -> bool:
    return bool((sociallogin.state.get("data") or {}).get("again"))


def came_back(request: HttpRequest, sociallogin: SocialLogin) -> str:
    """Why it does not count; "" when it does, and is written down."""
    asked, user = sociallogin.state["data"], request.user
    is_same = isinstance(user, User) and str(user.pk) == asked["again"]
    if not is_same or not sociallogin.is_existing or sociallogin.user.pk != user.pk:
        return NOT_YOU
    if time.time() - asked["asked_at"] > LONGEST:
        return TOO_LATE
    moment = moment_of(sociallogin)
    if moment is None or moment < asked["asked_at"] - SKEW:
        return NOT_ASKED
    account = sociallogin.account
    record_authentication(
        request, user, method="socialaccount", reauthenticated=True, provider=account.provider, uid=account.uid
    )
    audit(Action.SIGNED_IN_AGAIN, target=sociallogin.user.email, target_id=str(sociallogin.user.pk))
    return ""


def moment_of(sociallogin: SocialLogin) -> float | None:
    """When the provider asked the person for the last time, as it says; seconds since 1970."""
    if (instant := getattr(sociallogin, "authn_instant", None)) is not None:
        return float(instant)
    told = (sociallogin.account.extra_data.get("id_token") or {}).get("auth_time")
    return float(told) if isinstance(told, int | float) and not isinstance(told, bool) else None


def authn_instant(xml: Any) -> float | None:
    """Of a SAML response whose signature was checked; of several statements the earliest."""
    try:
        root = etree.fromstring(
            xml if isinstance(xml, bytes) else str(xml).encode(), etree.XMLParser(resolve_entities=False)
        )
        told = [one.get("AuthnInstant", "") for one in root.iter(f"{SAML}AuthnStatement")]
        moments = [datetime.fromisoformat(one.replace("Z", "+00:00")) for one in told]
    except (etree.XMLSyntaxError, ValueError):
        return None
    return min((one.replace(tzinfo=one.tzinfo or UTC).timestamp() for one in moments), default=None)
