"""The host decides the organisation, before anything else looks at the request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.db import connection as django_connection
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import set_urlconf

from tenants.context import mark_active
from tenants.errors import OrganisationNotFound, OrganisationNotReady, OrganisationSuspended
from tenants.models import Organisation
from tenants.selectors import base_url, host_name, is_public_host, organisation_for_host
from vena_platform.errors import VenaError

connection: Any = django_connection  # the tenant backend has more methods than its stubs know
NEVER_LED_AWAY = (
    "/accounts/",
    "/api/",
    "/v1/",
    "/scim/",
    "/health/",
    "/static/",
    "/brand",
    "/favicon.ico",
    "/welcome/",
)
OPEN_WHILE_SUSPENDED = ("/billing/", "/accounts/", "/static/", "/brand.css", "/brand/logo")


class StrictTransportMiddleware:
    """On an organisation's own domain https is promised for that host alone: what else is below it is theirs."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if settings.SECURE_HSTS_SECONDS and request.is_secure() and not is_of_platform(request):
            response["Strict-Transport-Security"] = f"max-age={settings.SECURE_HSTS_SECONDS}"
        return response


def is_of_platform(request: HttpRequest) -> bool:
    try:
        host = host_name(request.get_host())
    except DisallowedHost:
        return False
    return host == settings.VENA_BASE_DOMAIN or host.endswith(f".{settings.VENA_BASE_DOMAIN}")


class OrganisationMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        connection.set_schema_to_public()
        mark_active("public")
        request.organisation = None  # type: ignore[attr-defined]
        try:
            host = request.get_host()
        except DisallowedHost:
            return refusal(request, OrganisationNotFound, "public/unknown_host.html")
        if is_public_host(host):
            self.route(request, settings.PUBLIC_SCHEMA_URLCONF)
            return self.get_response(request)
        organisation = organisation_for_host(host)
        if organisation is None:
            self.route(request, settings.PUBLIC_SCHEMA_URLCONF)
            return refusal(request, OrganisationNotFound, "public/unknown_host.html")
        request.organisation = organisation  # type: ignore[attr-defined]
        self.route(request, settings.ROOT_URLCONF)
        return self.enter(request, organisation)

    def enter(self, request: HttpRequest, organisation: Organisation) -> HttpResponse:
        if organisation.state == Organisation.State.SUSPENDED:
            if not request.path.startswith(OPEN_WHILE_SUSPENDED):
                return refusal(request, OrganisationSuspended, "tenant/suspended.html")
        elif not organisation.is_open:
            return refusal(request, OrganisationNotReady, "tenant/provisioning.html")
        if address := main_address(request, organisation):
            return HttpResponseRedirect(address)
        organisation.domain_url = request.get_host()
        connection.set_tenant(organisation)
        mark_active(organisation.schema_name)
        try:
            return self.get_response(request)
        finally:
            connection.set_schema_to_public()

    @staticmethod
    def route(request: HttpRequest, urlconf: str) -> None:
        request.urlconf = urlconf
        set_urlconf(urlconf)


def main_address(request: HttpRequest, organisation: Organisation) -> str:
    """Where a page is to be looked at instead. Programs stay where they are, and so do people who are signed in here:
    should the own domain fail, the way in is the sign-in of this address."""
    main = getattr(organisation, "primary_host", None)
    is_elsewhere = organisation.leads_to_primary and main and host_name(request.get_host()) != main
    if not is_elsewhere or request.method not in {"GET", "HEAD"} or request.path.startswith(NEVER_LED_AWAY):
        return ""
    is_page = "text/html" in request.headers.get("Accept", "") and settings.SESSION_COOKIE_NAME not in request.COOKIES
    return f"{base_url(str(main))}{request.get_full_path()}" if is_page else ""


def refusal(request: HttpRequest, error: type[VenaError], template: str) -> HttpResponse:
    """Programs get JSON, people a page; neither learns whether the path exists."""
    if request.path.startswith(("/api/", "/v1/", "/scim/")):
        response: HttpResponse = JsonResponse({"code": error.code, "detail": error.message}, status=error.status)
    else:
        billing = "/billing/" if error is OrganisationSuspended else ""
        response = render(request, template, {"detail": error.message, "billing_url": billing}, status=error.status)
    if error.retryable:
        response["Retry-After"] = "2"
    return response
