from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from knowledge.actions import document_delete, document_retry
from knowledge.models import Collection, Document
from vena_platform.admin_sites import tenant_admin


@admin.register(Collection, site=tenant_admin)
class CollectionAdmin(ModelAdmin):
    list_display = ("name", "description", "created_at")
    search_fields = ("name",)


@admin.register(Document, site=tenant_admin)
class DocumentAdmin(ModelAdmin):
    """What failed and why. Files come in through the documents page or the API."""

    list_display = ("title", "collection", "state", "failure_message", "chunk_count", "size", "created_at")
    list_filter = ("state", "collection")
    search_fields = ("title", "file_name")
    actions = ("retry", "remove")
    exclude = ("file", "lease", "lease_expires_at")

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
        for document in documents:
            document_retry(schema_name=schema_of(request), document=document)

    @admin.action(description="Delete with vectors and file", permissions=["delete"])
    def remove(self, request: HttpRequest, documents: Any) -> None:
        for document in documents:
            document_delete(schema_name=schema_of(request), document=document)


def schema_of(request: Any) -> str:
    return str(request.organisation.schema_name)
