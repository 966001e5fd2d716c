"""Pages that belong to no single app."""

from __future__ import annotations

from typing import Any

from allauth.usersessions.models import UserSession
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.templatetags.static import static
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt

from accounts.errors import PersonNotFound
from accounts.selectors import person_by_email
from tenants.actions import entry_token_redeem
from tenants.context import entered
from tenants.selectors import organisation_of

API_PREFIXES = ("/api/", "/v1/", "/scim/")


def favicon(request: HttpRequest) -> HttpResponse:
    """Browsers ask for it on pages that name no icon, such as the admin's."""
    return redirect(static("icons/favicon.svg"))


def landing(request: HttpRequest) -> HttpResponse:
    return render(request, "public/landing.html")


@never_cache
def owner_entry(request: HttpRequest) -> HttpResponse:
    """The owner's one-time way from the sign-up page into the new organisation."""
    with entered("public"):
        email = entry_token_redeem(organisation_of(request), request.GET.get("token", ""))
    if email is None:
        return redirect("account_login")
    try:
        owner = person_by_email(email)
    except PersonNotFound:
        return redirect("account_login")
    login(request, owner, backend="allauth.account.auth_backends.AuthenticationBackend")
    UserSession.objects.create_from_request(request)
    return redirect("/")


def api_docs(request: HttpRequest) -> HttpResponse:
    return render(request, "api/docs.html", {"schema_url": reverse("api_schema")})


@csrf_exempt
def api_not_found(request: HttpRequest, rest: str = "") -> JsonResponse:
    return JsonResponse({"code": "not_found", "detail": "There is no such address. See /api/docs/."}, status=404)


def not_found(request: HttpRequest, exception: Any = None) -> HttpResponse:
    if request.path.startswith(API_PREFIXES):
        return api_not_found(request)
    return render(request, "404.html", status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    if request.path.startswith(API_PREFIXES):
        return JsonResponse(
            {"code": "error", "detail": "Something went wrong on our side. We have been told about it."}, status=500
        )
    return render(request, "500.html", status=500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    if request.path.startswith(API_PREFIXES):
        return JsonResponse({"code": "csrf_failed", "detail": "Reload the page and try again."}, status=403)
    return render(request, "403.html", {"detail": "This page was open too long. Reload it and try again."}, status=403)
