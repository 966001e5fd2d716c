"""A notice of spending out of the usual is put away."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from accounts.permissions import Can
from accounts.selectors import require, signed_in
from billing.anomalies import anomaly_see
from tenants.selectors import organisation_of
from vena_platform.errors import VenaError


@login_required
@require_POST
def seen(request: HttpRequest, anomaly_id: UUID) -> HttpResponse:
    require(signed_in(request), Can.READ_USAGE)
    try:
        anomaly_see(organisation_of(request), anomaly_id)
    except VenaError as error:
        messages.error(request, error.text)
    return redirect("usage")
