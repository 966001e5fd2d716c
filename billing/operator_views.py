"""The operators' pages that do more than show rows."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import reverse

from accounts.audit.actions import audit
from accounts.audit.registry import Action
from billing.corrections import event_replace, event_take_back, is_corrected
from billing.models import UsageEvent
from billing.operator_forms import TAKE_BACK, BringForm, CorrectionForm, MatchesForm
from billing.reconcile.actions import provider_usage_import
from billing.reconcile.matching import costs_of, matches_of
from vena_platform.errors import VenaError


def correct(request: HttpRequest, pk: int, context: dict[str, Any]) -> HttpResponse:
    """One row of the ledger: taken back, and entered anew."""
    event = get_object_or_404(UsageEvent.objects.select_related("price", "rate"), pk=pk)
    form = CorrectionForm.of(event, request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            corrected(request, event, form)
        except VenaError as error:
            form.add_error(None, error.text)
        else:
            messages.success(request, "Corrected. Reports and budgets follow from now on.")
            return redirect("admin:billing_usageevent_changelist")
    facts = {
        "title": "Correct an entry",
        "event": event,
        "form": form,
        "is_open": not event.is_counter and not is_corrected(event),
        "entries": UsageEvent.objects.filter(
            organisation_id=event.organisation_id, created_at__gte=event.created_at, corrects=event.idempotency_key
        ).order_by("pk"),
    }
    return TemplateResponse(request, "admin/billing/correct.html", {**context, **facts})


def corrected(request: HttpRequest, event: UsageEvent, form: CorrectionForm) -> None:
    facts: dict[str, Any] = {"reason": form.cleaned_data["reason"], "entered_by": str(request.user)}
    if form.cleaned_data["act"] == TAKE_BACK:
        event_take_back(event, **facts)
    else:
        event_replace(event, form.tokens, **facts)
    audit(
        Action.USAGE_CORRECTED,
        target_id=str(event.idempotency_key),
        organisation=event.organisation_label,
        detail={"act": form.cleaned_data["act"]},
    )


def bring(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """A provider's own figures, as a file."""
    form = BringForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        file, provider = form.cleaned_data["file"], form.cleaned_data["provider"]
        try:
            source = provider_usage_import(
                provider=provider, content=file.read(), file_name=file.name, imported_by=str(request.user)
            )
        except VenaError as error:
            form.add_error("file", error.text)
        else:
            messages.success(request, f"{source.lines} lines are in. This is what differs.")
            asked = {"provider": provider, "since": source.first_day, "until": source.last_day}
            return redirect(f"{reverse('admin:billing_providerimport_matches')}?{urlencode(asked)}")
    return TemplateResponse(
        request, "admin/billing/bring.html", {**context, "title": "A provider's own figures", "form": form}
    )


def matches(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    form = MatchesForm(request.GET or None)
    facts: dict[str, Any] = {"title": "Providers' figures beside the ledger", "form": form}
    if form.is_valid():
        asked = form.cleaned_data
        where = (asked["provider"], asked["since"], asked["until"], [one.pk for one in asked["without"]])
        found = matches_of(*where)
        facts |= {"matches": found, "costs": costs_of(*where), "odd": [one for one in found if not one.is_fine]}
    return TemplateResponse(request, "admin/billing/matches.html", {**context, **facts})
