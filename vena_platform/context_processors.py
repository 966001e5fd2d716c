"""What every page shows that no single app may know alone."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from accounts.models import User
from accounts.permissions import Can, may
from chat.views import sidebar
from vena_platform import demo


def shell(request: HttpRequest) -> dict[str, Any]:
    """The side bar's conversations (asked for only where a page shows them) and the demo's sign-in hint."""
    organisation = getattr(request, "organisation", None)
    if organisation is None:
        return {}
    context: dict[str, Any] = {
        "conversations": SimpleLazyObject(lambda: sidebar_of(request)),
        "may_edit_documents": SimpleLazyObject(lambda: may_edit_documents(request)),
    }
    if settings.VENA_DEMO and organisation.slug == demo.SLUG:
        context["demo_sign_in"] = {"email": demo.OWNER, "password": demo.PASSWORD}
    return context


def sidebar_of(request: HttpRequest) -> list[dict[str, Any]]:
    user = getattr(request, "user", None)
    return sidebar(user) if user is not None and user.is_authenticated else []


def may_edit_documents(request: HttpRequest) -> bool:
    user = getattr(request, "user", None)
    return isinstance(user, User) and may(user.role, Can.EDIT_DOCUMENTS)
