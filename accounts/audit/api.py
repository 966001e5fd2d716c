"""REST: the audit log, for owners and administrators."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils.dateparse import parse_datetime
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.audit.models import AuditEvent
from accounts.permissions import Can
from accounts.selectors import require, signed_in
from vena_platform.errors import VenaError
from vena_platform.pagination import NewestFirst, page_of


class InvalidFilter(VenaError):
    code, status = "invalid", 400
    message = "`actor` takes an id; `since` and `until` take times such as 2026-01-31T00:00:00Z."


class AuditEventOutput(serializers.ModelSerializer[AuditEvent]):
    sentence = serializers.CharField()
    detail = serializers.JSONField()

    class Meta:
        model = AuditEvent
        fields = (
            *("id", "at", "action", "sentence", "actor_id", "actor_kind", "actor_label", "target_kind", "target_id"),
            *("target_label", "address", "user_agent", "request_id", "detail", "erased_at", "previous_hash", "hash"),
        )


class NewestEntries(NewestFirst):
    ordering = ("-id", "-at")


class AuditApi(APIView):
    @extend_schema(
        operation_id="audit_list",
        parameters=[
            OpenApiParameter("action", str, description="One action, or its first part: `document`"),
            OpenApiParameter("actor", UUID),
            OpenApiParameter("target", str, description="The id of what it was done to"),
            OpenApiParameter("since", OpenApiTypes.DATETIME),
            OpenApiParameter("until", OpenApiTypes.DATETIME),
            OpenApiParameter("cursor", str),
            OpenApiParameter("page_size", int),
        ],
        responses=page_of(AuditEventOutput),
    )
    def get(self, request: Request) -> Response:
        """Who did what to which object, from where, the newest first. Rows are chained by their hashes."""
        require(signed_in(request), Can.READ_AUDIT)
        pages = NewestEntries()
        rows = pages.paginate_queryset(events_matching(request.query_params), request, self)
        return pages.get_paginated_response(AuditEventOutput(rows or [], many=True).data)


def events_matching(wanted: Any) -> QuerySet[AuditEvent]:
    rows = AuditEvent.objects.all()
    if name := wanted.get("action"):
        rows = rows.filter(Q(action=name) | Q(action__startswith=f"{name}."))
    if target := wanted.get("target"):
        rows = rows.filter(target_id=target)
    try:
        if actor := wanted.get("actor"):
            rows = rows.filter(actor_id=UUID(actor))
        if since := wanted.get("since"):
            rows = rows.filter(at__gte=moment(since))
        if until := wanted.get("until"):
            rows = rows.filter(at__lt=moment(until))
    except ValueError as error:
        raise InvalidFilter from error
    return rows


def moment(text: str) -> Any:
    """Raises ValueError for what is no time, or has no zone."""
    found = parse_datetime(text)
    if found is None or found.tzinfo is None:
        raise ValueError(text)
    return found
