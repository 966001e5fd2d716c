"""Where an organisation requires a second factor, a person without one can set it up, and nothing else.

API keys are not asked: a program has no second factor, and issuing a key needs a fresh sign-in. A request that brings
both a key and a session is held to the session's rules.
"""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse

from accounts.models import User
from accounts.sign_in.errors import SecondFactorMissing
from accounts.sign_in.policy import lacks_second_factor

OPEN = ("/accounts/2fa/", "/accounts/reauthenticate/", "/accounts/logout/", "/accounts/password/")
PROGRAMS = ("/api/", "/v1/", "/scim/")


class SecondFactorMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if must_set_one_up(request):
            return refusal(request)
        return self.get_response(request)


def must_set_one_up(request: HttpRequest) -> bool:
    if request.path.startswith((*OPEN, settings.STATIC_URL)) or not request.session.session_key:
        return False
    return isinstance(request.user, User) and lacks_second_factor(request.user, request.session)


def refusal(request: HttpRequest) -> HttpResponse:
    if request.path.startswith(PROGRAMS):
        error = SecondFactorMissing
        return JsonResponse({"code": error.code, "detail": error.message}, status=error.status)
    return redirect(reverse("mfa_index"))
