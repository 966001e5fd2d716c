"""The newest report in every organisation's admin site, for those who may read the audit log."""

from __future__ import annotations

import json

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from accounts.permissions import Can
from accounts.selectors import require, signed_in
from vena_platform.admin_sites import tenant_admin
from vena_platform.isolation.errors import NoReport
from vena_platform.isolation.models import IsolationReport
from vena_platform.isolation.running import newest_report
from vena_platform.isolation.writing import context_of

FORMATS = {"html": "text/html; charset=utf-8", "json": "application/json"}


def report(request: HttpRequest) -> HttpResponse:
    require(signed_in(request), Can.READ_AUDIT)
    found = newest_report()
    context = {**tenant_admin.each_context(request), "title": "Proof of isolation"}
    if found:
        context |= context_of(json.loads(found.document)["report"])
    return TemplateResponse(request, "isolation/admin.html", context)


def download(request: HttpRequest, kind: str) -> HttpResponse:
    """The file as it was signed."""
    require(signed_in(request), Can.READ_AUDIT)
    found = newest_report()
    if found is None or kind not in FORMATS:
        raise NoReport
    response = HttpResponse(content_of(found, kind), content_type=FORMATS[kind])
    name = f"isolation-{found.begun_at:%Y-%m-%d}.{kind}"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
    response["Cache-Control"] = "no-store"
    return response


def content_of(found: IsolationReport, kind: str) -> str:
    return found.page if kind == "html" else found.document
