"""Operators' pages: who issues invoices, VAT rates, and invoices with what may be done to them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from unfold.admin import ModelAdmin

from billing.invoicing import operator_views
from billing.models import BillingDetails, Invoice, Seller, VatRate
from billing.money import pounds
from vena_platform.admin_sites import operator_admin


@admin.register(Seller, site=operator_admin)
class SellerAdmin(ModelAdmin):
    list_display = ("name", "email", "vat_number", "payment_days", "grace_days")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return not Seller.objects.exists()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(VatRate, site=operator_admin)
class VatRateAdmin(ModelAdmin):
    """Dated rows: a change is a new row."""

    list_display = ("country", "valid_from", "percent", "source")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(BillingDetails, site=operator_admin)
class BillingDetailsAdmin(ModelAdmin):
    """To read: organisations fill them in themselves."""

    list_display = ("organisation", "name", "country", "vat_number", "email")
    search_fields = ("name", "organisation__name", "vat_number")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Invoice, site=operator_admin)
class InvoiceAdmin(ModelAdmin):
    list_display = ("name", "organisation_label", "month", "kind", "state", "total", "due_on", "problem", "open_page")
    list_filter = ("state", "kind", "tax_rule")
    search_fields = ("number", "organisation_label")
    date_hierarchy = "month"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<uuid:pk>/page/", view(self.page), name="billing_invoice_page"),
            path("<uuid:pk>/file/", view(operator_views.file), name="billing_invoice_file"),
            *super().get_urls(),
        ]

    def page(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        return operator_views.page(request, pk, {**self.admin_site.each_context(request), "opts": self.opts})

    @admin.display(description="number", ordering="number")
    def name(self, row: Invoice) -> str:
        return str(row)

    @admin.display(description="total", ordering="total_gbp")
    def total(self, row: Invoice) -> str:
        return pounds(row.total_gbp)

    @admin.display(description="")
    def open_page(self, row: Invoice) -> str:
        return format_html(
            '<a class="underline" href="{}">open</a>', reverse("admin:billing_invoice_page", args=[row.pk])
        )
