"""Operators' pages: organisations and their host names."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin, TabularInline

from tenants.actions import organisation_open, organisation_suspend
from tenants.models import DeletionReceipt, Domain, Organisation, Provisioning
from tenants.selectors import host_name
from vena_platform.admin_sites import operator_admin


class DomainForm(forms.ModelForm):  # type: ignore[type-arg]
    def clean_domain(self) -> str:
        """As hosts are looked up: small letters, no port, no `www.`."""
        return host_name(str(self.cleaned_data["domain"]))


class DomainInline(TabularInline):
    model = Domain
    form = DomainForm
    extra = 0


@admin.register(Organisation, site=operator_admin)
class OrganisationAdmin(ModelAdmin):
    list_display = ("name", "slug", "state", "embedding_version", "migration_failure", "created_at")
    list_filter = ("state", "embedding_provider", "vector_placement")
    search_fields = ("name", "slug", "domains__domain")
    readonly_fields = (
        "slug",
        "schema_name",
        "state",
        "embedding_provider",
        "embedding_version",
        "vector_placement",
        "migration_failure",
        "created_at",
    )
    inlines = (DomainInline,)
    actions = ("suspend", "reopen")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # organisations are made by the sign-up's provisioning

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # deleting one is a procedure over several stores, not a row

    @admin.action(description="Suspend")
    def suspend(self, request: HttpRequest, organisations: QuerySet[Organisation]) -> None:
        for organisation in organisations.filter(state=Organisation.State.ACTIVE):
            organisation_suspend(organisation, reason=f"by {request.user}")

    @admin.action(description="Reopen")
    def reopen(self, request: HttpRequest, organisations: QuerySet[Organisation]) -> None:
        for organisation in organisations.filter(state=Organisation.State.SUSPENDED):
            organisation_open(organisation)


@admin.register(Provisioning, site=operator_admin)
class ProvisioningAdmin(ModelAdmin):
    list_display = ("organisation", "owner_email", "step_running", "failure_code", "created_at", "finished_at")
    exclude = ("owner_password", "entry_token")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(DeletionReceipt, site=operator_admin)
class DeletionReceiptAdmin(ModelAdmin):
    list_display = ("name", "slug", "removed", "left", "started_at", "finished_at")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
