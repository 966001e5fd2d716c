"""REST: usage reports."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.audit.actions import audit
from accounts.audit.registry import Action
from accounts.permissions import Can
from accounts.selectors import require, signed_in
from billing.calls import calls_of_line
from billing.exporting import file_of, media_type, sheet_of
from billing.reports import Report, usage_report
from billing.serializers import (
    CallsQuery,
    UsageCallOutput,
    UsageQuery,
    UsageReportOutput,
    period_of,
    report_shown,
)
from billing.sheets import About, Sheet
from tenants.models import Organisation
from tenants.selectors import organisation_of
from vena_platform.pagination import NewestFirst, page_of

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class UsageApi(APIView):
    @extend_schema(
        operation_id="usage",
        parameters=[UsageQuery],
        responses={
            (200, "application/json"): UsageReportOutput,
            (200, "text/csv"): OpenApiTypes.BINARY,
            (200, XLSX): OpenApiTypes.BINARY,
            (200, "application/pdf"): OpenApiTypes.BINARY,
        },
    )
    def get(self, request: Request) -> HttpResponse:
        """What the organisation used and what it cost, to the last call. For owners, admins and finance.

        Lines by day stand in their order, others with the dearest first. The lines sum to `total`, whatever they are
        grouped by.
        """
        require(signed_in(request), Can.READ_USAGE)
        form = UsageQuery(data=request.query_params)
        form.is_valid(raise_exception=True)
        wanted, organisation = form.validated_data, organisation_of(request._request)
        report = usage_report(organisation.pk, *period_of(wanted), wanted["group_by"])
        if wanted["format"] == "json":
            return Response(report_shown(report))
        return download(report, wanted["format"], organisation)

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """`format` names the file's format here, not DRF's renderer."""
        return self.get_renderers()[0], "application/json"


class UsageCallsApi(APIView):
    @extend_schema(operation_id="usage_calls", parameters=[CallsQuery], responses=page_of(UsageCallOutput))
    def get(self, request: Request) -> Response:
        """The single calls that a line of the report sums up, the newest first. For owners, admins and finance."""
        require(signed_in(request), Can.READ_USAGE)
        form = CallsQuery(data=request.query_params)
        form.is_valid(raise_exception=True)
        wanted = form.validated_data
        organisation = organisation_of(request._request)
        rows = calls_of_line(organisation.pk, *period_of(wanted), wanted["group_by"], wanted["key"])
        pages = NewestFirst()
        page = pages.paginate_queryset(rows, request, view=self)
        return pages.get_paginated_response(UsageCallOutput(page, many=True).data)


def download(report: Report, ending: str, organisation: Organisation) -> HttpResponse:
    return file_sent(sheet_of(report), ending, organisation)


def file_sent(sheet: Sheet, ending: str, organisation: Organisation) -> HttpResponse:
    """Figures as a file; that they were taken is in the audit log."""
    name = sheet.file_name(ending)
    audit(Action.USAGE_EXPORTED, detail={"format": ending, "file": name})
    content = file_of(sheet, ending, About(organisation.name, timezone.now()))
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
    }
    return HttpResponse(content, content_type=media_type(ending), headers=headers)
