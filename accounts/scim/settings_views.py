"""The page of an organisation's owners about its directory: the address to paste, tokens, and who becomes what."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts.keys.views import ENDS
from accounts.permissions import Can
from accounts.scim.models import ScimToken
from accounts.scim.roles import rules, rules_change
from accounts.scim.tokens import token_issue, token_revoke
from accounts.selectors import require, signed_in
from accounts.sign_in.forms import ASSIGNABLE, roles_in
from accounts.sign_in.freshness import require_fresh_sign_in


class TokenForm(forms.Form):
    name = forms.CharField(max_length=80, label="Name", help_text="Of the directory, such as Okta.")
    days = forms.TypedChoiceField(
        choices=ENDS, coerce=int, empty_value=None, required=False, initial="365", label="It ends"
    )


class RulesForm(forms.Form):
    default_role = forms.ChoiceField(choices=ASSIGNABLE, label="Their role")
    role_map = forms.CharField(
        required=False,
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false", "placeholder": "Vena admins = admin"}),
        label="Which group is which role",
        help_text="One a line: name of a group, or value of the attribute roles = role. The highest role counts. "
        "Then roles follow the directory; owners stay owners.",
    )

    def clean_role_map(self) -> dict[str, str]:
        return roles_in(str(self.cleaned_data["role_map"]))


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def scim_settings(request: HttpRequest) -> HttpResponse:
    """POST changes the rules."""
    user = signed_in(request)
    require(user, Can.MANAGE_SIGN_IN)
    if request.method != "POST":
        return shown(request)
    require_fresh_sign_in(request)
    form = RulesForm(request.POST)
    if not form.is_valid():
        return shown(request, status=422, rules_form=form)
    rules_change(by=user, **form.cleaned_data)
    messages.success(request, "Saved. It holds from now on.")
    return redirect("scim_settings")


@login_required
@never_cache
@require_POST
def token_add(request: HttpRequest) -> HttpResponse:
    """The token is on the page that answers, and on no other."""
    user = signed_in(request)
    require(user, Can.MANAGE_SIGN_IN)
    require_fresh_sign_in(request)
    form = TokenForm(request.POST)
    if not form.is_valid():
        return shown(request, status=422, form=form)
    return shown(request, secret=token_issue(by=user, **form.cleaned_data), made_name=form.cleaned_data["name"])


@login_required
@require_POST
def token_end(request: HttpRequest, token_id: UUID) -> HttpResponse:
    user = signed_in(request)
    require(user, Can.MANAGE_SIGN_IN)
    require_fresh_sign_in(request)
    row = token_revoke(by=user, token_id=token_id)
    messages.success(request, f"The token {row.name} works no more.")
    return redirect("scim_settings")


def shown(request: HttpRequest, status: int = 200, **more: Any) -> HttpResponse:
    rule = rules()
    role_map = "\n".join(f"{value} = {role}" for value, role in rule.role_map.items())
    context = {
        "tokens": ScimToken.objects.filter(revoked_at=None),
        "form": TokenForm(),
        "rules_form": RulesForm(initial={"default_role": rule.default_role, "role_map": role_map}),
        "address": request.build_absolute_uri("/scim/v2"),
        **more,
    }
    return render(request, "accounts/scim.html", context, status=status)
