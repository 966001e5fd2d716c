"""The page of an organisation's own domains."""

from __future__ import annotations

from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from accounts.organisation.domains import domain_add, domain_check, domain_main, domain_redirect, domain_remove
from accounts.permissions import Can
from accounts.selectors import require, signed_in
from accounts.sign_in.freshness import fresh_for_changes
from tenants.domains.actions import claim_of
from tenants.domains.lookups import targets
from tenants.domains.models import DomainClaim
from tenants.entitlements import Feature
from tenants.models import Domain, Organisation, host_of
from tenants.selectors import organisation_of
from vena_platform.errors import VenaError
from vena_platform.limits import spend


class DomainForm(forms.Form):
    host = forms.CharField(
        max_length=253,
        label="Host name",
        widget=forms.TextInput(attrs={"placeholder": "chat.example.com", "spellcheck": "false", "autocomplete": "off"}),
        help_text="One that your organisation owns, without https://.",
    )


@login_required
@fresh_for_changes
@require_http_methods(["GET", "HEAD", "POST"])
def domains(request: HttpRequest) -> HttpResponse:
    require(signed_in(request), Can.MANAGE_DOMAINS)
    organisation = organisation_of(request)
    form = DomainForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            domain_add(organisation, form.cleaned_data["host"])
        except VenaError as error:
            form.add_error("host", error.text)
        else:
            messages.success(request, "Added. Set the two records below, then check them.")
            return redirect("domains")
    context = {
        "form": form,
        "claims": DomainClaim.objects.filter(organisation=organisation),
        "primary": primary_of(organisation),
        "ours": host_of(organisation.slug),
        "target": targets()[0],
        "is_in_plan": organisation.entitled.allows(Feature.DOMAINS),
        "leads": Organisation.objects.get(pk=organisation.pk).leads_to_primary,
        "has_edge": bool(settings.CLOUDFLARE_API_TOKEN),
    }
    return render(request, "organisation/domains.html", context, status=422 if form.errors else 200)


def primary_of(organisation: Organisation) -> str:
    rows = Domain.objects.filter(tenant=organisation, is_primary=True)
    return rows.values_list("domain", flat=True).first() or host_of(organisation.slug)


@login_required
@fresh_for_changes
@require_POST
def domain(request: HttpRequest, claim_id: UUID) -> HttpResponse:
    require(signed_in(request), Can.MANAGE_DOMAINS)
    organisation = organisation_of(request)
    try:
        row = claim_of(organisation, claim_id)
        match request.POST.get("act"):
            case "check":
                spend("dns", organisation=organisation.pk)
                domain_check(row)
                messages.success(request, f"{row.host} leads here now.")
            case "main":
                domain_main(organisation, row)
                messages.success(request, f"Letters and links say {row.host} now.")
            case "remove":
                domain_remove(row)
                messages.success(request, f"{row.host} does not lead here any more.")
    except VenaError as error:
        messages.error(request, error.text)
    return redirect("domains")


@login_required
@fresh_for_changes
@require_POST
def main_domain(request: HttpRequest) -> HttpResponse:
    """The organisation's address at Vena is the main one again; or whether pages lead to the main one."""
    require(signed_in(request), Can.MANAGE_DOMAINS)
    organisation = organisation_of(request)
    match request.POST.get("act"):
        case "ours":
            domain_main(organisation, None)
            messages.success(request, "Letters and links say your address at Vena again.")
        case "lead" | "stay" as act:
            domain_redirect(organisation, is_redirected=act == "lead")
            messages.success(request, "Saved. It counts within some seconds.")
    return redirect("domains")
