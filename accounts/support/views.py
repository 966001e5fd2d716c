"""The organisation's page about access by support, support's way in and out."""

from __future__ import annotations

from uuid import UUID

from allauth.usersessions.models import UserSession
from django import forms
from django.contrib import messages
from django.contrib.auth import login, logout
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.audit.registry import Action
from accounts.permissions import Can
from accounts.selectors import require, signed_in
from accounts.sign_in.freshness import fresh_for_changes
from accounts.support.actions import support_end, support_sweep, support_user, told
from tenants.context import entered
from tenants.models import Organisation
from tenants.selectors import organisation_of
from tenants.support import actions
from tenants.support.models import SupportGrant
from vena_platform.errors import VenaError

SHOWN = 20


class OfferForm(forms.Form):
    reason = forms.CharField(max_length=300, label="What support is to look at")
    minutes = forms.TypedChoiceField(
        coerce=int, choices=[(one, f"{one} minutes") for one in actions.MINUTES], initial=60, label="For how long"
    )
    may_change = forms.BooleanField(required=False, label="Support may also change documents")


@login_required
@fresh_for_changes
@require_http_methods(["GET", "HEAD", "POST"])
def support(request: HttpRequest) -> HttpResponse:
    """POST lets support in ahead of any request."""
    require(signed_in(request), Can.MANAGE_SUPPORT)
    organisation = organisation_of(request)
    form = OfferForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        support_sweep()
        try:
            row = actions.support_offer(organisation, **form.cleaned_data)
        except VenaError as error:
            form.add_error(None, error.text)
        else:
            told(organisation, Action.SUPPORT_GRANTED, row)
            messages.success(request, "Support may come in now. You can end it here at any time.")
            return redirect("support")
    context = {
        "form": form,
        "open": actions.open_grant(organisation),
        "rows": SupportGrant.objects.filter(organisation=organisation)[:SHOWN],
        "accepts": Organisation.objects.get(pk=organisation.pk).accepts_support,
        "now": timezone.now(),
    }
    return render(request, "support/page.html", context, status=422 if form.errors else 200)


@login_required
@fresh_for_changes
@require_POST
def support_act(request: HttpRequest, grant_id: UUID) -> HttpResponse:
    require(signed_in(request), Can.MANAGE_SUPPORT)
    organisation = organisation_of(request)
    try:
        row = actions.grant_of(organisation, grant_id)
        match request.POST.get("act"):
            case "grant":
                told(organisation, Action.SUPPORT_GRANTED, actions.support_grant(row))
                messages.success(request, "Granted. You can end it here at any time.")
            case "refuse":
                actions.support_refuse(row)
                told(organisation, Action.SUPPORT_REFUSED, row)
                messages.success(request, "Refused. Nobody was let in.")
            case "end":
                support_end(organisation, row)
                messages.success(request, "Ended. Support is signed out.")
    except VenaError as error:
        messages.error(request, error.text)
    return redirect("support")


@login_required
@fresh_for_changes
@require_POST
def support_switch(request: HttpRequest) -> HttpResponse:
    """Whether operators may ask at all. Switched off, what runs is ended."""
    require(signed_in(request), Can.MANAGE_SUPPORT)
    organisation = organisation_of(request)
    accepts = request.POST.get("act") == "on"
    actions.support_accept(organisation, accepts=accepts)
    if not accepts and (row := actions.open_grant(organisation)):
        support_end(organisation, row)
    messages.success(request, "Support may ask." if accepts else "Support can't ask any more.")
    return redirect("support")


@never_cache
@require_safe
def support_enter(request: HttpRequest) -> HttpResponse:
    """An operator's one-time way in. The session ends with the leave, whatever happens in it."""
    organisation = organisation_of(request)
    with entered("public"):
        row = actions.token_redeem(organisation, request.GET.get("token", ""))
    if row is None or row.ends_at is None:
        return redirect("account_login")
    if request.user.is_authenticated:
        logout(request)
    login(request, support_user(row), backend="allauth.account.auth_backends.AuthenticationBackend")
    request.session.set_expiry(row.ends_at)
    UserSession.objects.create_from_request(request)
    return redirect("/documents/")


@login_required
@require_POST
def support_leave(request: HttpRequest) -> HttpResponse:
    """By support itself."""
    organisation, row = organisation_of(request), getattr(request, "support_grant", None)
    if row is not None:
        support_end(organisation, row)
    logout(request)
    return render(request, "support/refused.html", {"detail": "You have left the organisation. Its leave is over."})
