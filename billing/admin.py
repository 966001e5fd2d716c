"""Operators' pages: plans, prices, rates, and the ledger to read."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from unfold.admin import ModelAdmin

from billing import operator_views
from billing.invoicing import admin as invoicing_admin
from billing.models import (
    Budget,
    DailyUsage,
    ExchangeRate,
    ModelPrice,
    ProviderImport,
    UsageDifference,
    UsageEvent,
)
from billing.payments import admin as payments_admin
from billing.plans import admin as plans_admin
from vena_platform.admin_sites import operator_admin

__all__ = ["invoicing_admin", "payments_admin", "plans_admin"]


class AddOnlyAdmin(ModelAdmin):
    """Dated rows: a change is a new row, so that old reports stay as they were."""

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ReadOnlyAdmin(AddOnlyAdmin):
    """What the machine writes and nobody else."""

    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False


@admin.register(ModelPrice, site=operator_admin)
class ModelPriceAdmin(AddOnlyAdmin):
    list_display = (
        "provider",
        "model",
        "valid_from",
        "input_usd",
        "cached_input_usd",
        "output_usd",
        "unit_usd",
        "source",
    )
    list_filter = ("provider",)


@admin.register(ExchangeRate, site=operator_admin)
class ExchangeRateAdmin(AddOnlyAdmin):
    list_display = ("valid_from", "gbp_per_usd", "source")


@admin.register(UsageEvent, site=operator_admin)
class UsageEventAdmin(ReadOnlyAdmin):
    list_display = (
        "created_at",
        "organisation_label",
        "kind",
        "model",
        "input_tokens",
        "output_tokens",
        "cost_gbp",
        "outcome",
        "correction",
    )
    list_filter = ("kind", "outcome", "provider", "is_estimated", "is_counter")
    date_hierarchy = "created_at"

    def get_urls(self) -> list[URLPattern]:
        correct = self.admin_site.admin_view(self.correct)
        return [path("<int:pk>/correct/", correct, name="billing_usageevent_correct"), *super().get_urls()]

    def correct(self, request: HttpRequest, pk: int) -> HttpResponse:
        return operator_views.correct(request, pk, {**self.admin_site.each_context(request), "opts": self.opts})

    @admin.display(description="correction")
    def correction(self, event: UsageEvent) -> str:
        said = "takes back" if event.is_counter else "stands for another" if event.corrects else ""
        if event.is_counter:
            return said
        address = reverse("admin:billing_usageevent_correct", args=[event.pk])
        return format_html('{} <a class="underline" href="{}">correct</a>', said, address)


@admin.register(Budget, site=operator_admin)
class BudgetAdmin(ReadOnlyAdmin):
    """To read: organisations give budgets themselves, and their periods change with them."""

    list_display = ("organisation", "scope", "subject_label", "amount_gbp", "period", "at_cap", "is_active")
    list_filter = ("scope", "at_cap", "is_active")


@admin.register(DailyUsage, site=operator_admin)
class DailyUsageAdmin(ReadOnlyAdmin):
    list_display = ("day", "organisation_id", "kind", "model", "outcome", "calls", "cost_gbp")
    list_filter = ("kind", "provider")
    date_hierarchy = "day"


@admin.register(UsageDifference, site=operator_admin)
class UsageDifferenceAdmin(ReadOnlyAdmin):
    """Days whose roll-up was not what the ledger says. Empty is good."""

    list_display = (
        "day",
        "organisation_label",
        "ledger_gbp",
        "rolled_gbp",
        "ledger_calls",
        "rolled_calls",
        "found_at",
        "mended_at",
    )


@admin.register(ProviderImport, site=operator_admin)
class ProviderImportAdmin(ReadOnlyAdmin):
    """Files with providers' own figures, and what differs from the ledger."""

    list_display = ("imported_at", "provider", "first_day", "last_day", "lines", "file_name", "imported_by", "look")
    list_filter = ("provider",)
    list_before_template = "admin/billing/imports_head.html"

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("bring/", view(self.bring), name="billing_providerimport_bring"),
            path("matches/", view(self.matches), name="billing_providerimport_matches"),
            *super().get_urls(),
        ]

    def bring(self, request: HttpRequest) -> HttpResponse:
        return operator_views.bring(request, {**self.admin_site.each_context(request), "opts": self.opts})

    def matches(self, request: HttpRequest) -> HttpResponse:
        return operator_views.matches(request, {**self.admin_site.each_context(request), "opts": self.opts})

    @admin.display(description="beside the ledger")
    def look(self, row: ProviderImport) -> str:
        asked = urlencode({"provider": row.provider, "since": row.first_day, "until": row.last_day})
        return format_html(
            '<a class="underline" href="{}?{}">compare</a>', reverse("admin:billing_providerimport_matches"), asked
        )
