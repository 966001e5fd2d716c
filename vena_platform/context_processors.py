"""What every page shows that no single app may know alone."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from accounts.invitations.actions import joining
from accounts.models import User
from accounts.permissions import Can, may
from accounts.sign_in.policy import lacks_second_factor, required
from billing.bars import Bar, bars_of
from billing.plans.bars import PlanBar, plan_bar
from chat.page_context import sidebar
from tenants.models import SupportGrant
from tenants.selectors import organisation_of
from tenants.support.actions import open_grant
from vena_platform import demo

SHOWN_TO_SUPPORT = {Can.EDIT_DOCUMENTS}  # of menus; what it may reach is said in `accounts.support.middleware`


def shell(request: HttpRequest) -> dict[str, Any]:
    """The side bar's conversations (asked for only where a page shows them) and the demo's sign-in hint."""
    organisation = getattr(request, "organisation", None)
    if organisation is None:  # operators have no side bar
        return {"second_factor_layout": "allauth/layouts/entrance.html"}
    context: dict[str, Any] = {
        "conversations": SimpleLazyObject(lambda: sidebar_of(request)),
        "may_edit_documents": SimpleLazyObject(lambda: is_able(request, Can.EDIT_DOCUMENTS)),
        "may_manage_people": SimpleLazyObject(lambda: is_able(request, Can.MANAGE_PEOPLE)),
        "may_make_keys": SimpleLazyObject(lambda: is_able(request, Can.MAKE_KEYS)),
        "may_join": SimpleLazyObject(lambda: bool(joining().domains)),
        "may_ask": SimpleLazyObject(lambda: is_able(request, Can.ASK)),
        "may_manage_answers": SimpleLazyObject(lambda: is_able(request, Can.MANAGE_ANSWERS)),
        "may_manage_budgets": SimpleLazyObject(lambda: is_able(request, Can.MANAGE_BUDGETS)),
        "may_manage_plan": SimpleLazyObject(lambda: is_able(request, Can.MANAGE_PLAN)),
        "plan_bar": SimpleLazyObject(lambda: bar_of_plan(request)),
        "budget_bars": SimpleLazyObject(lambda: budget_bars(request)),
        "may_read_usage": SimpleLazyObject(lambda: is_able(request, Can.READ_USAGE)),
        "may_manage_branding": SimpleLazyObject(lambda: is_able(request, Can.MANAGE_BRANDING)),
        "may_manage_domains": SimpleLazyObject(lambda: is_able(request, Can.MANAGE_DOMAINS)),
        "may_manage_support": SimpleLazyObject(lambda: is_able(request, Can.MANAGE_SUPPORT)),
        "support": SimpleLazyObject(lambda: support_shown(request)),
        "may_manage_sign_in": SimpleLazyObject(lambda: is_able(request, Can.MANAGE_SIGN_IN)),
    }
    if request.path.startswith("/accounts/2fa/"):  # who must set one up first sees no side bar
        is_missing = is_signed_in(request) and lacks_second_factor(request.user, request.session)
        context["second_factor_layout"] = f"allauth/layouts/{'entrance' if is_missing else 'manage'}.html"
    if request.path == "/accounts/login/":
        context["is_provider_required"] = required().provider
    if settings.VENA_DEMO and organisation.slug == demo.SLUG:
        context["demo_sign_in"] = {"email": demo.OWNER, "password": demo.PASSWORD}
    return context


def sidebar_of(request: HttpRequest) -> dict[str, Any]:
    user = getattr(request, "user", None)
    return sidebar(user) if isinstance(user, User) else {}


def budget_bars(request: HttpRequest) -> list[Bar]:
    user = getattr(request, "user", None)
    return bars_of(user, organisation_of(request), request.session) if isinstance(user, User) else []


def bar_of_plan(request: HttpRequest) -> PlanBar | None:
    user = getattr(request, "user", None)
    return plan_bar(user, organisation_of(request)) if isinstance(user, User) else None


def support_shown(request: HttpRequest) -> SupportGrant | None:
    """Leave that runs: to support itself, and to who can end it."""
    own: SupportGrant | None = getattr(request, "support_grant", None)
    return own or (open_grant(organisation_of(request)) if is_able(request, Can.MANAGE_SUPPORT) else None)


def is_able(request: HttpRequest, ability: Can) -> bool:
    user = getattr(request, "user", None)
    return isinstance(user, User) and may(user.role, ability) and (not user.is_support or ability in SHOWN_TO_SUPPORT)


def is_signed_in(request: HttpRequest) -> bool:
    return isinstance(getattr(request, "user", None), User)
