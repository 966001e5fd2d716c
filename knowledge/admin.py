from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from accounts.selectors import signed_in
from knowledge.actions import document_cancel, document_delete, document_reindex, document_retry
from knowledge.models import Collection, Document, ReconcileReport
from knowledge.selectors import collections_readable, collections_writable
from vena_platform.admin_sites import tenant_admin


@admin.register(Collection, site=tenant_admin)
class CollectionAdmin(ModelAdmin):
    """Also those that the administrator may not read: somebody must be able to say who may."""

    list_display = ("name", "description", "access", "language", "is_contextual", "created_at")
    list_filter = ("access",)
    search_fields = ("name",)
    filter_horizontal = ("readers", "writers")


class InCollection(admin.SimpleListFilter):
    """Names those collections only that the person may read."""

    title, parameter_name = "collection", "collection"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(row.pk), row.name) for row in collections_readable(signed_in(request))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Document]) -> QuerySet[Document]:
        wanted, known = self.value(), {value for value, _ in self.lookup_choices}
        return queryset.filter(collection_id=UUID(wanted)) if wanted in known and wanted else queryset


@admin.register(Document, site=tenant_admin)
class DocumentAdmin(ModelAdmin):
    """What failed and why. Files come in through the documents page or the API."""

    list_display = ("title", "collection", "state", "failure_message", "attempts", "version", "created_at")
    list_filter = ("state", "failure_code", InCollection)
    list_select_related = ("collection", "current")
    search_fields = ("title", "newest__file_name", "external_id")
    actions = ("retry", "read_again", "cancel", "remove")
    exclude = ("lease", "lease_expires_at", "key", "failure_detail", "parent", "newest")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Document]:
        """Documents whose collection is closed to the person are not there, here as elsewhere."""
        rows: QuerySet[Document] = super().get_queryset(request)
        return rows.filter(collection__in=collections_readable(signed_in(request)).order_by())

    @admin.display(description="Answers as version")
    def version(self, document: Document) -> str:
        return str(document.current.number) if document.current else "–"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_actions(self, request: HttpRequest) -> Any:
        return {name: action for name, action in super().get_actions(request).items() if name != "delete_selected"}

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return obj is None and bool(
            super().has_delete_permission(request, obj)
        )  # by the action: it removes vectors too

    @admin.action(description="Try again", permissions=["delete"])
    def retry(self, request: HttpRequest, documents: Any) -> None:
        for document in writable(request, documents):
            document_retry(schema_name=schema_of(request), document=document)

    @admin.action(description="Read again, as a new version", permissions=["delete"])
    def read_again(self, request: HttpRequest, documents: Any) -> None:
        for document in writable(request, documents):
            document_reindex(schema_name=schema_of(request), document=document)

    @admin.action(description="Stop taking in", permissions=["delete"])
    def cancel(self, request: HttpRequest, documents: Any) -> None:
        for document in writable(request, documents):
            document_cancel(schema_name=schema_of(request), document=document)

    @admin.action(description="Delete with vectors and file", permissions=["delete"])
    def remove(self, request: HttpRequest, documents: Any) -> None:
        for document in writable(request, documents):
            document_delete(schema_name=schema_of(request), document=document)


@admin.register(ReconcileReport, site=tenant_admin)
class ReconcileReportAdmin(ModelAdmin):
    """What the nightly comparison of all stores found and mended."""

    list_display = ("started_at", "finished_at", "found", "repaired")
    readonly_fields = ("started_at", "finished_at", "counted", "found", "repaired", "examples")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def schema_of(request: Any) -> str:
    return str(request.organisation.schema_name)


def writable(request: HttpRequest, documents: QuerySet[Document]) -> QuerySet[Document]:
    """Of those chosen, the ones that the person may change."""
    return documents.filter(collection__in=collections_writable(signed_in(request)).order_by())
