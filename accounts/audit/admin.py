"""The audit log on both admin sites: read, filtered, searched, downloaded. Never changed."""

from __future__ import annotations

from tempfile import SpooledTemporaryFile
from typing import Any

from django.contrib import admin
from django.contrib.admin import SimpleListFilter
from django.core.exceptions import PermissionDenied
from django.db.models import Max, QuerySet
from django.http import FileResponse, Http404, HttpRequest
from django.urls import URLPattern, path
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import RangeDateFilter

from accounts.audit.actions import audit
from accounts.audit.exporting import FORMATS
from accounts.audit.models import AuditEvent
from accounts.audit.registry import Action
from vena_platform.admin_sites import operator_admin, tenant_admin
from vena_platform.limits import spend

IN_MEMORY = 8 * 1024 * 1024  # bytes of a download; a longer one goes by the disk
MOST_PEOPLE = 200


class ActionFilter(SimpleListFilter):
    title, parameter_name = "what happened", "action"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """What the log holds, not all that it could."""
        found = AuditEvent.objects.order_by().values_list("action", flat=True).distinct()
        return [(name, name) for name in sorted(found)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[AuditEvent]) -> QuerySet[AuditEvent]:
        return queryset.filter(action=self.value()) if self.value() else queryset


class PersonFilter(SimpleListFilter):
    title, parameter_name = "who", "actor"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        rows = AuditEvent.objects.exclude(actor_id=None).exclude(actor_label="").order_by().values_list("actor_id")
        newest = rows.annotate(label=Max("actor_label"), last=Max("id")).order_by("-last")[:MOST_PEOPLE]
        return sorted(((str(pk), label) for pk, label, _ in newest), key=lambda one: one[1])

    def queryset(self, request: HttpRequest, queryset: QuerySet[AuditEvent]) -> QuerySet[AuditEvent]:
        return queryset.filter(actor_id=self.value()) if self.value() else queryset


@admin.register(AuditEvent, site=tenant_admin)
@admin.register(AuditEvent, site=operator_admin)
class AuditEventAdmin(ModelAdmin):
    list_display = ("at", "sentence", "actor_label", "actor_kind", "target_label", "address", "id")
    list_filter = (ActionFilter, PersonFilter, "actor_kind", ("at", RangeDateFilter))
    list_filter_submit = True
    search_fields = ("actor_label", "target_label", "target_id", "address", "request_id", "action")
    show_full_result_count = False
    list_per_page = 50
    list_before_template = "admin/accounts/audit_downloads.html"
    fields = (
        *("id", "at", "action", "sentence", "actor_label", "actor_kind", "actor_id", "target_kind", "target_label"),
        *("target_id", "detail", "address", "user_agent", "request_id", "organisation", "erased_at"),
        *("previous_hash", "hash"),
    )
    readonly_fields = fields

    @admin.display(description="what happened")
    def sentence(self, event: AuditEvent) -> str:
        return event.sentence

    def get_urls(self) -> list[URLPattern]:
        return [
            path("export/<str:kind>/", self.admin_site.admin_view(self.export), name="accounts_auditevent_export"),
            *super().get_urls(),
        ]

    def export(self, request: HttpRequest, kind: str) -> FileResponse:
        """What the list shows with these filters, all of it. Read to its end here, inside the schema."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        if kind not in FORMATS:
            raise Http404
        spend("download", person=request.user.pk)
        rows = self.get_changelist_instance(request).get_queryset(request)
        audit(Action.AUDIT_EXPORTED, detail={"format": kind, "rows": rows.count(), "filters": sorted(request.GET)})
        write, media_type = FORMATS[kind]
        file = SpooledTemporaryFile(max_size=IN_MEMORY)
        file.writelines(write(rows))
        file.seek(0)
        name = f"audit-log.{kind}"
        headers = {"Cache-Control": "no-store"}
        return FileResponse(file, as_attachment=True, filename=name, content_type=media_type, headers=headers)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
