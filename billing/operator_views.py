"""The operators' pages that do more than show rows."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse

from accounts.audit.actions import audit
from accounts.audit.registry import Action
from billing.corrections import event_replace, event_take_back, is_corrected
from billing.models import UsageEvent
from billing.operator_forms import TAKE_BACK, CorrectionForm
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
