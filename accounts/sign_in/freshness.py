"""Dangerous acts need a sign-in that is not long ago: ACCOUNT_REAUTHENTICATION_TIMEOUT seconds."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import wraps
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.login import AUTHENTICATION_METHODS_SESSION_KEY, get_authentication_records
from allauth.core.exceptions import ReauthenticationRequired
from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from accounts.models import User
from accounts.sign_in.errors import SignInAgain

PROGRAMS = ("/api/", "/v1/")


def count_as_fresh(request: HttpRequest) -> None:
    """Somebody who has just signed in need not do it again for what follows."""
    records = request.session.get(AUTHENTICATION_METHODS_SESSION_KEY) or []
    if records:
        records[-1]["reauthenticated"] = True
        request.session[AUTHENTICATION_METHODS_SESSION_KEY] = records


def is_fresh(request: HttpRequest) -> bool:
    """allauth lets everybody pass who has neither password nor second factor; here they are asked, or sign in anew."""
    user = request.user
    if not isinstance(user, User):
        return False
    moments = [one["at"] for one in get_authentication_records(request, user) if one.get("reauthenticated")]
    return bool(moments) and time.time() - moments[-1] < settings.ACCOUNT_REAUTHENTICATION_TIMEOUT


def require_fresh_sign_in(request: HttpRequest) -> None:
    """Pages lead to the question and go on after it; programs are told. Raises ReauthenticationRequired, SignInAgain.

    An API key is no session: what it may do is said where it is issued. Whom nothing can ask, because a code by e-mail
    let them in, signs in anew.
    """
    if not request.session.session_key or is_fresh(request):
        return
    if request.path.startswith(PROGRAMS) or not get_adapter(request).get_reauthentication_methods(request.user):
        raise SignInAgain
    raise ReauthenticationRequired


def fresh_for_changes(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """For a page whose changes are dangerous. Looking needs nothing."""

    @wraps(view)
    def asked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method == "POST":
            require_fresh_sign_in(request)
        return view(request, *args, **kwargs)

    return asked


class FreshChanges:
    """For an admin page whose changes are dangerous. Looking needs nothing."""

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if request.method == "POST":
            require_fresh_sign_in(request)
        return super().changeform_view(request, *args, **kwargs)  # type: ignore[misc]

    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        require_fresh_sign_in(request)
        return super().delete_view(request, *args, **kwargs)  # type: ignore[misc]

    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if request.method == "POST":
            require_fresh_sign_in(request)
        return super().changelist_view(request, *args, **kwargs)  # type: ignore[misc]
