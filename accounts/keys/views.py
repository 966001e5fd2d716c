"""A person's own API keys, and service keys for those who manage keys."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts.keys.actions import FOR_PROGRAMS, api_key_revoke, key_revocable_by, own_key_issue, service_key_issue
from accounts.models import ApiKey, User
from accounts.people.forms import GroupsField, role_choices
from accounts.permissions import Can, Role, may
from accounts.scopes import Scope
from accounts.selectors import require, signed_in
from accounts.sign_in.freshness import fresh_for_changes
from vena_platform.errors import VenaError

ENDS = (("30", "In 30 days"), ("90", "In 90 days"), ("365", "In a year"), ("", "Never"))


class KeyForm(forms.Form):
    name = forms.CharField(max_length=80, label="Name", help_text="What will use it, so that you know it again.")
    scopes = forms.MultipleChoiceField(
        choices=Scope.choices,
        widget=forms.CheckboxSelectMultiple,
        label="It may",
        error_messages={"required": "Choose at least one thing that the key may be used for."},
    )
    days = forms.TypedChoiceField(
        choices=ENDS, coerce=int, empty_value=None, required=False, initial="90", label="It ends"
    )


class ServiceKeyForm(KeyForm):
    role = forms.ChoiceField(choices=role_choices(FOR_PROGRAMS), initial=Role.MEMBER, label="Role")
    groups = GroupsField()


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@fresh_for_changes
def keys(request: HttpRequest) -> HttpResponse:
    """POST makes a key of one's own. It is shown on the page that answers, and never again."""
    user = signed_in(request)
    if request.method != "POST":
        return shown(request)
    require(user, Can.MAKE_KEYS)
    return made(request, KeyForm(request.POST), lambda wanted: own_key_issue(user=user, **wanted), "form")


@login_required
@never_cache
@require_POST
@fresh_for_changes
def service_keys(request: HttpRequest) -> HttpResponse:
    user = signed_in(request)
    require(user, Can.MANAGE_KEYS)

    def make(wanted: dict[str, Any]) -> str:
        return service_key_issue(by=user, **{**wanted, "groups": [group.pk for group in wanted["groups"]]})

    return made(request, ServiceKeyForm(request.POST, prefix="service"), make, "service_form")


def made(request: HttpRequest, form: forms.Form, make: Any, name: str) -> HttpResponse:
    if form.is_valid():
        try:
            return shown(request, secret=make(form.cleaned_data), made_name=form.cleaned_data["name"])
        except VenaError as error:
            form.add_error(None, error.text)
    return shown(request, status=400, **{name: form})


@login_required
@require_POST
def revoke(request: HttpRequest, key_id: UUID) -> HttpResponse:
    key = key_revocable_by(signed_in(request), key_id)
    api_key_revoke(key)
    messages.success(request, f"The key {key.name} works no more.")
    return redirect("keys")


def shown(request: HttpRequest, status: int = 200, **more: Any) -> HttpResponse:
    user = signed_in(request)
    may_manage = may(user.role, Can.MANAGE_KEYS)
    context = {
        "own": of(user),
        "others": ApiKey.objects.filter(~Q(user=user), revoked_at=None).select_related("user") if may_manage else [],
        "form": KeyForm(),
        "service_form": ServiceKeyForm(prefix="service") if may_manage else None,
        "may_make": may(user.role, Can.MAKE_KEYS),
        "may_manage": may_manage,
        **more,
    }
    return render(request, "people/keys.html", context, status=status)


def of(user: User) -> list[ApiKey]:
    return list(ApiKey.objects.filter(user=user, revoked_at=None))
