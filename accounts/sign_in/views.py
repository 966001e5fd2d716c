"""A person's own pages about signing in: second factors, and where they are signed in."""

from __future__ import annotations

from typing import Any

from allauth.mfa.base.views import IndexView
from allauth.usersessions.internal.flows.sessions import end_other_sessions, end_sessions
from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from accounts.audit.actions import audit
from accounts.audit.registry import Action
from accounts.people.ending import access_look
from accounts.selectors import signed_in
from accounts.sign_in.clients import client_named
from accounts.sign_in.policy import lacks_second_factor, required


class SecurityView(IndexView):
    """Password, second factors and sessions of the person who looks."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        user = signed_in(self.request)
        return context | {
            "is_required": required().second_factor,
            "is_missing": lacks_second_factor(user, self.request.session),
            "session_count": UserSession.objects.filter(user=user).count(),
        }


security = SecurityView.as_view()


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def sessions(request: HttpRequest) -> HttpResponse:
    """POST ends all others."""
    user = signed_in(request)
    if request.method == "POST":
        end_other_sessions(request, user)
        audit(Action.SESSION_REVOKED, detail={"which": "all others"})
        access_look()
        messages.success(request, "You are signed out everywhere else.")
        return redirect("usersessions_list")
    rows = sorted(UserSession.objects.purge_and_list(user), key=lambda row: row.created_at, reverse=True)
    shown = [{"row": row, "client": client_named(row.user_agent), "is_current": row.is_current()} for row in rows]
    return render(request, "usersessions/usersession_list.html", {"sessions": shown})


@login_required
@require_POST
def session_end(request: HttpRequest, pk: int) -> HttpResponse:
    """Its open sockets close at once."""
    row = get_object_or_404(UserSession, pk=pk, user=signed_in(request))
    is_current = row.is_current()
    end_sessions(request, [row])
    audit(Action.SESSION_REVOKED, target_id=str(pk), detail={"which": "one"})
    access_look()
    if is_current:
        return redirect("account_login")
    messages.success(request, "That session is ended.")
    return redirect("usersessions_list")


def provider_failed(request: HttpRequest) -> HttpResponse:
    return render(request, "socialaccount/authentication_error.html", status=403)
