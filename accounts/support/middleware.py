"""What support may reach: the documents and how they are found. Each page is in the organisation's audit log.

A list of what is allowed, so that a new page is shut. Members' conversations, people, keys, money, sign-in and
everything that leaves Vena are not on it. Asked with every request: leave that is over opens nothing, whether or not
somebody has cleared it away.
"""

from __future__ import annotations

from collections.abc import Callable

from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render

from accounts.audit.actions import audit
from accounts.audit.registry import Action
from accounts.models import User
from tenants.selectors import organisation_of
from tenants.support.actions import live_grant
from tenants.support.errors import NotForSupport, SupportOver
from tenants.support.models import SupportGrant

LOOKED_AT = (
    *("/documents/", "/knowledge/try/", "/knowledge/models/"),
    *("/api/v1/documents/", "/api/v1/collections/", "/api/v1/search/", "/api/v1/me/"),
)
ALWAYS = ("/static/", "/brand", "/favicon.ico", "/support/", "/accounts/logout/")
CHANGED = ("/documents/", "/api/v1/documents/", "/api/v1/collections/")  # where leave is for changes too
QUERIES = ("/api/v1/search/",)  # asks by POST and changes nothing
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
PROGRAMS = ("/api/", "/v1/", "/scim/")


class SupportMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        user = request.user
        if not isinstance(user, User) or not user.is_support:
            return self.get_response(request)
        row = live_grant(organisation_of(request))
        if row is None or row.user_id != user.pk:
            logout(request)
            return refused(request, SupportOver)
        if request.path == "/":
            return redirect("/documents/")
        if not request.path.startswith(ALWAYS):
            if not may(request, row):
                return refused(request, NotForSupport)
            note(request, user, row)
        request.support_grant = row  # type: ignore[attr-defined]
        return self.get_response(request)


def may(request: HttpRequest, row: SupportGrant) -> bool:
    if request.method in SAFE:
        return request.path.startswith(LOOKED_AT)
    return request.path.startswith(QUERIES) or (row.may_change and request.path.startswith(CHANGED))


def note(request: HttpRequest, user: User, row: SupportGrant) -> None:
    audit(
        Action.SUPPORT_ACTED,
        actor=user,
        target=f"{request.method} {request.path}",
        target_id=str(row.pk),
        detail={"operator": row.entered_by, "reason": row.reason},
    )


def refused(request: HttpRequest, error: type[NotForSupport | SupportOver]) -> HttpResponse:
    if request.path.startswith(PROGRAMS):
        return JsonResponse({"code": error.code, "detail": error.message}, status=error.status)
    return render(request, "support/refused.html", {"detail": error.message}, status=error.status)
