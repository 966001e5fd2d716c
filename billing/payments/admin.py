"""Operators' pages: what was collected, and what the provider told. To read."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from billing.payments.models import GatewayEvent, Payment, PaymentAccount, PaymentRefund
from vena_platform.admin_sites import operator_admin


class KeptAdmin(ModelAdmin):
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(PaymentAccount, site=operator_admin)
class PaymentAccountAdmin(KeptAdmin):
    list_display = ("organisation", "state", "label", "is_expired", "customer", "refreshed_at")
    list_filter = ("state",)


@admin.register(Payment, site=operator_admin)
class PaymentAdmin(KeptAdmin):
    list_display = (
        "created_at",
        "invoice_number",
        "attempt",
        "amount",
        "refunded",
        "state",
        "failure_code",
        "gateway_id",
        "settled_at",
    )
    list_filter = ("state",)
    search_fields = ("invoice_number", "gateway_id")
    date_hierarchy = "created_at"


@admin.register(PaymentRefund, site=operator_admin)
class PaymentRefundAdmin(KeptAdmin):
    list_display = ("created_at", "payment", "amount", "state", "gateway_id")
    list_filter = ("state",)


@admin.register(GatewayEvent, site=operator_admin)
class GatewayEventAdmin(KeptAdmin):
    """Those that are not handled come again by themselves, and are tried every night."""

    list_display = ("received_at", "type", "handled_at", "failure", "payment", "customer")
    list_filter = ("type", ("handled_at", admin.EmptyFieldListFilter))
