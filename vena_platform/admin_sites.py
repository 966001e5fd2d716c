"""Two admin sites: an organisation's own on its host, the operators' on the base domain.

Models register with one of them; each is shut on the other's host, since neither is routed there.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from unfold.sites import UnfoldAdminSite


class TenantAdminSite(UnfoldAdminSite):
    settings_name = "UNFOLD_TENANT"

    def has_permission(self, request: HttpRequest) -> bool:
        return getattr(request, "organisation", None) is not None and bool(super().has_permission(request))

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        context: dict[str, Any] = super().each_context(request)
        organisation = getattr(request, "organisation", None)
        return {**context, "site_header": organisation.name if organisation else context["site_header"]}

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """One sign-in for the whole host; somebody signed in without the right is told so."""
        if request.user.is_authenticated:
            raise PermissionDenied
        return redirect_to_login(request.GET.get("next", "/admin/"), "/accounts/login/")


class OperatorAdminSite(UnfoldAdminSite):
    settings_name = "UNFOLD_OPERATORS"

    def has_permission(self, request: HttpRequest) -> bool:
        user: Any = request.user
        here = getattr(request, "organisation", None) is None
        return bool(here and user.is_active and getattr(user, "is_superuser", False))


tenant_admin = TenantAdminSite(name="admin")
operator_admin = OperatorAdminSite(name="admin")
