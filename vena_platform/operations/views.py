"""Operators' pages: organisations with sizes and health; suspended for a reason, opened, deleted with a receipt."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget, UnfoldBooleanWidget

from accounts.selectors import signed_in
from accounts.sign_in.freshness import require_fresh_sign_in
from accounts.support.actions import support_asked, support_end, support_sweep
from accounts.support.tasks import tell_of_support
from tenants.actions import organisation_open, organisation_suspend
from tenants.models import Organisation, SupportGrant, host_of
from tenants.queueing import delay_on_commit
from tenants.selectors import base_url, organisation_url
from tenants.support.actions import MINUTES, live_grant, open_grant, support_ask, support_token
from vena_platform.admin_sites import operator_admin
from vena_platform.errors import VenaError
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


class SupportForm(forms.Form):
    reason = forms.CharField(
        max_length=300,
        label="Why you want to come in",
        help_text="Their owners and admins read it.",
        widget=UnfoldAdminTextInputWidget,
    )
    minutes = forms.TypedChoiceField(
        coerce=int, choices=[(one, f"{one} minutes") for one in MINUTES], widget=UnfoldAdminSelectWidget, label="For"
    )
    may_change = forms.BooleanField(
        required=False, label="To change documents, not only to look", widget=UnfoldBooleanWidget
    )


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
    asking = SupportForm(request.POST if act == "ask" else None)
    grant = live_grant(row)
    # A link and no redirect: the content policy lets a form lead to no other host.
    entry = entry_of(request, row, grant) if act == "enter" and grant else ""
    if act and (acted(request, row, act, suspending, deleting) or asked(request, row, act, asking)):
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
        "asking": asking,
        "support": open_grant(row),
        "entry": entry,
        "grants": SupportGrant.objects.filter(organisation=row)[:10],
        "domains": row.domains.all(),
    }
    return TemplateResponse(
        request,
        "admin/operations/organisation.html",
        context,
        status=422 if suspending.errors or deleting.errors or asking.errors else 200,
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


def asked(request: HttpRequest, row: Organisation, act: str, form: SupportForm) -> bool:
    """For leave to look inside. Whether it was done; else the form says why not."""
    operator = signed_in(request).email
    try:
        if act == "ask" and form.is_valid():
            support_sweep()
            grant = support_ask(row, by=operator, **form.cleaned_data)
            support_asked(row, grant)
            delay_on_commit(tell_of_support, schema_name=row.schema_name, grant_id=str(grant.pk))
            messages.success(request, "Asked. Their owners and admins have an e-mail.")
            return True
        if act == "withdraw" and (grant_open := open_grant(row)):
            support_end(row, grant_open)
            messages.success(request, "It is over.")
            return True
    except VenaError as error:
        form.add_error(None, error.text)
    return False


def entry_of(request: HttpRequest, row: Organisation, grant: SupportGrant) -> str:
    """The one-time way in, at the address that the organisation always has."""
    require_fresh_sign_in(request)
    token = support_token(grant, by=signed_in(request).email)
    return f"{base_url(host_of(row.slug))}{reverse('support_enter', urlconf=settings.ROOT_URLCONF)}?token={token}"
