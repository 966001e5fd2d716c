"""What somebody sees who is not in yet: the link of an invitation, and the way to ask for one."""

from __future__ import annotations

from allauth.account.internal.flows.login import record_authentication
from django.contrib.auth import login
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods

from accounts.errors import InvitationDead, PersonExists
from accounts.invitations import actions
from accounts.people.forms import AcceptForm, JoinForm
from tenants.errors import SeatsTaken
from tenants.selectors import organisation_of

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"
A_MAILBOX_SECONDS = 600  # one letter within so long
AN_ADDRESS = 20  # asked for from one address within an hour


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("password")
@sensitive_variables("form")
def accept(request: HttpRequest, token: str) -> HttpResponse:
    try:
        invitation = actions.invitation_behind(token)
    except InvitationDead as error:
        return render(request, "people/invitation_dead.html", {"detail": error.text}, status=error.status)
    form = AcceptForm(request.POST or None, email=invitation.email, initial={"name": invitation.name})
    if request.method == "POST" and form.is_valid():
        try:
            user = actions.invitation_accept(token=token, **form.cleaned_data)
        except (InvitationDead, PersonExists, SeatsTaken) as error:
            return render(request, "people/invitation_dead.html", {"detail": error.text}, status=error.status)
        login(request, user, backend=BACKEND)
        record_authentication(request, user, method="password", reauthenticated=True)  # they have just chosen it
        return redirect("/")
    return render(request, "people/accept.html", {"form": form, "invitation": invitation})


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def join(request: HttpRequest) -> HttpResponse:
    """The answer is the same for every address: who is here, and who may come, is not told."""
    form = JoinForm(request.POST or None)
    is_sent = request.method == "POST" and form.is_valid()
    if is_sent and may_ask(request, form.cleaned_data["email"].lower()):
        actions.join_ask(schema_name=organisation_of(request).schema_name, email=form.cleaned_data["email"])
    context = {"form": form, "is_sent": is_sent, "domains": actions.joining().domains}
    return render(request, "people/join.html", context)


def may_ask(request: HttpRequest, email: str) -> bool:
    """Nobody's mailbox is filled by others. The cache's keys carry the organisation."""
    address = f"join:from:{request.META.get('REMOTE_ADDR', '')}"
    cache.add(address, 0, timeout=3600)
    return cache.incr(address) <= AN_ADDRESS and bool(cache.add(f"join:{email}", 1, timeout=A_MAILBOX_SECONDS))
