"""Operators' pages: organisations with sizes and health; suspended for a reason, opened, deleted with a receipt."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.views.decorators.http import require_http_methods
from unfold.widgets import UnfoldAdminTextInputWidget

from accounts.sign_in.freshness import require_fresh_sign_in
from tenants.actions import organisation_open, organisation_suspend
from tenants.models import Organisation
from tenants.selectors import organisation_url
from vena_platform.admin_sites import operator_admin
from vena_platform.operations.figures import checks_of, figures_of
from vena_platform.tasks import remove_organisation

A_PAGE = 25


class SuspendForm(forms.Form):
    reason = forms.CharField(
        max_length=200,
        label="Reason",
        help_text="For operators and the audit log. People there read that it is suspended and whom to ask.",
        widget=UnfoldAdminTextInputWidget,
    )


class DeleteForm(forms.Form):
    slug = forms.CharField(
        label="Its slug once more", help_text="There is no way back.", widget=UnfoldAdminTextInputWidget
    )

    def __init__(self, *args: Any, organisation: Organisation, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.organisation = organisation

    def clean_slug(self) -> str:
        if self.cleaned_data["slug"] != self.organisation.slug:
            raise forms.ValidationError(f"Nothing was deleted: this is not “{self.organisation.slug}”.")
        return str(self.cleaned_data["slug"])


@require_http_methods(["GET", "HEAD"])
def organisations(request: HttpRequest) -> HttpResponse:
    """A page of them: each costs a few queries in its own schema."""
    wanted = request.GET.get("q", "").strip()
    rows = Organisation.objects.filter(name__icontains=wanted) | Organisation.objects.filter(slug__icontains=wanted)
    page = Paginator(rows.order_by("name"), A_PAGE).get_page(request.GET.get("page"))
    context = {
        **operator_admin.each_context(request),
        "title": "Organisations at a glance",
        "page": page,
        "wanted": wanted,
        "rows": [{"organisation": one, "figures": figures_of(one)} for one in page],
    }
    return TemplateResponse(request, "admin/operations/organisations.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def organisation(request: HttpRequest, organisation_id: UUID) -> HttpResponse:
    row = get_object_or_404(Organisation, pk=organisation_id)
    act = request.POST.get("act", "")
    suspending = SuspendForm(request.POST if act == "suspend" else None)
    deleting = DeleteForm(request.POST if act == "delete" else None, organisation=row)
    if act and acted(request, row, act, suspending, deleting):
        return redirect("operations") if act == "delete" else redirect("operations_organisation", row.pk)
    figures = figures_of(row)
    context = {
        **operator_admin.each_context(request),
        "title": row.name,
        "organisation": row,
        "address": organisation_url(row),
        "figures": figures,
        "checks": checks_of(row, figures),
        "suspending": suspending,
        "deleting": deleting,
    }
    return TemplateResponse(
        request,
        "admin/operations/organisation.html",
        context,
        status=422 if suspending.errors or deleting.errors else 200,
    )


def acted(request: HttpRequest, row: Organisation, act: str, suspending: SuspendForm, deleting: DeleteForm) -> bool:
    """Whether it was done; else a form says why not."""
    if act == "open" and row.state == Organisation.State.SUSPENDED:
        organisation_open(row)
        messages.success(request, f"{row} is open again.")
        return True
    if act == "suspend" and row.is_open and suspending.is_valid():
        organisation_suspend(row, reason=suspending.cleaned_data["reason"])
        messages.success(request, f"{row} is suspended.")
        return True
    if act == "delete":
        require_fresh_sign_in(request)
        if deleting.is_valid():
            organisation_suspend(row, reason="is being deleted")
            remove_organisation.delay(schema_name=row.schema_name)
            messages.success(
                request, f"{row} is closed and is being deleted. The receipt comes under Deletion receipts."
            )
            return True
    return False
