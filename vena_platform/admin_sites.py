"""Two admin sites: an organisation's own on its host, the operators' on the base domain.

Models register with one of them; each is shut on the other's host, since neither is routed there.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import wraps
from typing import Any

from django.contrib.admin import actions
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from unfold.sites import UnfoldAdminSite


class EachByItself:
    """A model's admin that logs deletions one by one: many in one INSERT send no signal, and the audit log hears it."""

    def __init__(self, model_admin: Any) -> None:
        self.model_admin = model_admin

    def __getattr__(self, name: str) -> Any:
        return getattr(self.model_admin, name)

    def log_deletions(self, request: HttpRequest, rows: Iterable[Any]) -> None:
        for row in rows:
            self.model_admin.log_deletions(request, [row])


@wraps(actions.delete_selected)
def delete_selected(model_admin: Any, request: HttpRequest, rows: Any) -> Any:
    return actions.delete_selected(EachByItself(model_admin), request, rows)  # type: ignore[arg-type]


class LoggedSite(UnfoldAdminSite):
    def __init__(self, name: str) -> None:
        super().__init__(name=name)
        self.add_action(delete_selected, "delete_selected")


def branded(organisation: Any, styles: list[str]) -> dict[str, Any]:
    """What unfold shows of whose admin site it is."""
    look = organisation.look
    shown: dict[str, Any] = {"site_header": organisation.name, "site_title": organisation.name}
    if look.accent:
        shown["styles"] = [*(styles or []), f"/brand.css?v={look.version}"]
    if look.logo_type:
        shown["site_icon"] = f"/brand/logo?v={look.version}"
    return shown


class SignedInElsewhere(LoggedSite):
    """One sign-in for the whole host; somebody signed in without the right is told so."""

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if request.user.is_authenticated:
            raise PermissionDenied
        return redirect_to_login(request.GET.get("next", "/admin/"), "/accounts/login/")


class TenantAdminSite(SignedInElsewhere):
    settings_name = "UNFOLD_TENANT"

    def has_permission(self, request: HttpRequest) -> bool:
        return getattr(request, "organisation", None) is not None and bool(super().has_permission(request))

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        context: dict[str, Any] = super().each_context(request)
        organisation = getattr(request, "organisation", None)
        return {**context, **branded(organisation, context["styles"])} if organisation else context


class OperatorAdminSite(SignedInElsewhere):
    settings_name = "UNFOLD_OPERATORS"

    def has_permission(self, request: HttpRequest) -> bool:
        user: Any = request.user
        here = getattr(request, "organisation", None) is None
        return bool(here and user.is_active and getattr(user, "is_superuser", False))


tenant_admin = TenantAdminSite(name="admin")
operator_admin = OperatorAdminSite(name="admin")
