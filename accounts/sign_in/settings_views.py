"""The page of an organisation's owners: what is required of everybody, and its identity providers."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from allauth.account.adapter import get_adapter
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST

from accounts.permissions import Can
from accounts.selectors import require, signed_in
from accounts.sign_in import provider_actions
from accounts.sign_in.actions import policy_change
from accounts.sign_in.errors import SignInAgain
from accounts.sign_in.forms import NewProviderForm, PolicyForm, form_for
from accounts.sign_in.freshness import is_fresh
from accounts.sign_in.models import IdentityProvider
from accounts.sign_in.policy import required
from vena_platform.errors import VenaError


def confirmed(request: HttpRequest) -> HttpResponse | None:
    """Where to confirm who it is, when that is long ago. What was typed is not kept: it may hold a secret."""
    require(signed_in(request), Can.MANAGE_SIGN_IN)
    if is_fresh(request):
        return None
    methods = get_adapter().get_reauthentication_methods(request.user)
    if not methods:
        raise SignInAgain
    address = methods[0]["url"]
    return redirect(f"{address}?{urlencode({'next': request.path if request.method == 'GET' else settings_url()})}")


def settings_url() -> str:
    return reverse("sign_in_settings")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in_settings(request: HttpRequest) -> HttpResponse:
    require(signed_in(request), Can.MANAGE_SIGN_IN)
    rules = required()
    initial = {
        "second_factor": rules.second_factor,
        "provider": rules.provider,
        "key_holders": list(rules.key_holders),
    }
    form = PolicyForm(request.POST or None, initial=initial)
    if request.method == "POST":
        if again := confirmed(request):
            return again
        if form.is_valid() and is_changed(form):
            messages.success(request, "Saved. It holds from now on.")
            return redirect("sign_in_settings")
    context = {"form": form, "new": NewProviderForm(), "providers": IdentityProvider.objects.all()}
    return render(request, "accounts/sign_in.html", context, status=422 if form.errors else 200)


def is_changed(form: PolicyForm) -> bool:
    try:
        policy_change(**form.cleaned_data)
    except VenaError as error:
        form.add_error(None, error.text)
        return False
    return True


@login_required
@require_POST
def provider_add(request: HttpRequest) -> HttpResponse:
    if again := confirmed(request):
        return again
    form = NewProviderForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Give the provider a name of up to 40 letters.")
        return redirect("sign_in_settings")
    row = provider_actions.provider_create(**form.cleaned_data)
    return redirect("identity_provider", provider_id=row.pk)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("secret")
@sensitive_variables("form")
def identity_provider(request: HttpRequest, provider_id: UUID) -> HttpResponse:
    """POST stores what the provider gave, and tests it."""
    if again := confirmed(request):
        return again
    row = provider_actions.provider_by_id(provider_id)
    form = form_for(row, request.POST or None)
    if request.method == "POST" and form.is_valid():
        row = provider_actions.provider_change(row, **form.cleaned_data)
        tell_test(request, provider_actions.provider_test(row))
        return redirect("identity_provider", provider_id=row.pk)
    context = {"row": row, "form": form, "addresses": addresses_of(request, row)}
    return render(request, "accounts/identity_provider.html", context, status=422 if form.errors else 200)


@login_required
@require_POST
def provider_act(request: HttpRequest, provider_id: UUID) -> HttpResponse:
    """One of the buttons: test, enable, disable, remove."""
    if again := confirmed(request):
        return again
    row = provider_actions.provider_by_id(provider_id)
    try:
        match request.POST.get("act"):
            case "enable":
                provider_actions.provider_enable(row)
                messages.success(request, f"People can sign in with {row.name} now.")
            case "disable":
                provider_actions.provider_disable(row)
                messages.success(request, f"Nobody can sign in with {row.name} any more.")
            case "remove":
                provider_actions.provider_remove(row)
                messages.success(request, f"{row.name} is removed.")
                return redirect("sign_in_settings")
            case _:
                tell_test(request, provider_actions.provider_test(row))
    except VenaError as error:
        messages.error(request, error.text)
    return redirect("identity_provider", provider_id=row.pk)


def tell_test(request: HttpRequest, row: IdentityProvider) -> None:
    if row.failure_message:
        messages.error(request, row.failure_message)
    else:
        messages.success(request, f"{row.name} answers, and says what is needed.")


def addresses_of(request: HttpRequest, row: IdentityProvider) -> list[dict[str, Any]]:
    """What to paste at the provider."""
    if row.kind == IdentityProvider.Kind.OIDC:
        pages = (("Redirect URI", "openid_connect_callback"), ("Where people begin", "openid_connect_login"))
        return [address(request, label, name, provider_id=row.slug) for label, name in pages]
    saml_pages = (
        ("Entity id, and address of our metadata", "saml_metadata"),
        ("Reply address (ACS)", "saml_acs"),
        ("Where people begin", "saml_login"),
    )
    return [address(request, label, name, organization_slug=row.slug) for label, name in saml_pages]


def address(request: HttpRequest, label: str, name: str, **kwargs: str) -> dict[str, Any]:
    return {"label": label, "url": request.build_absolute_uri(reverse(name, kwargs=kwargs))}
