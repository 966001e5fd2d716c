"""Operators' pages: plans, and who has which."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminSelectWidget

from accounts.selectors import signed_in
from billing.models import Plan, Subscription, SubscriptionChange
from billing.plans.actions import plan_choose, plan_spread, subscription_cancel, subscription_resume, subscription_start
from tenants.entitlements import Feature
from vena_platform.admin_sites import operator_admin
from vena_platform.errors import VenaError


class PlanForm(forms.ModelForm):  # type: ignore[type-arg]
    features = forms.MultipleChoiceField(
        choices=[(one.value, one.label) for one in Feature],
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="Sign-in by the organisation's own provider, second factors, roles, the audit log, budgets and the "
        "API are in every plan.",
    )

    class Meta:
        model = Plan
        fields = "__all__"  # noqa: DJ007  (a plan is its fields)


@admin.register(Plan, site=operator_admin)
class PlanAdmin(ModelAdmin):
    form = PlanForm
    list_display = ("name", "slug", "monthly_price_gbp", "seats", "document_limit", "is_offered", "is_first")
    fieldsets = (
        (None, {"fields": ("name", "slug", "summary", "is_offered", "is_first", "trial_days")}),
        (
            "Price",
            {"fields": ("monthly_price_gbp", "is_usage_charged", "included_usage_gbp", "usage_markup_percent")},
        ),
        ("Room", {"fields": ("seats", "document_limit", "storage_mb", "questions_a_month", "questions_a_minute")}),
        ("Features", {"fields": ("features",)}),
        (
            "One document",
            {"fields": ("max_file_mb", "max_pages", "max_unpacked_mb", "max_parse_seconds", "max_parts")},
        ),
    )

    def save_model(self, request: HttpRequest, obj: Plan, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        plan_spread(obj)


class ChooseForm(forms.Form):
    plan = forms.ModelChoiceField(Plan.objects.all(), widget=UnfoldAdminSelectWidget)


@admin.register(Subscription, site=operator_admin)
class SubscriptionAdmin(ModelAdmin):
    """Changed by acts that keep the history, on a page of its own."""

    list_display = ("organisation", "plan", "state", "next_plan", "changes_on", "trial_ends_on", "grace_ends_on", "act")
    list_filter = ("state", "plan")
    list_select_related = ("organisation", "plan", "next_plan")
    search_fields = ("organisation__name", "organisation__slug")
    fields = ("organisation", "plan")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Subscription, form: Any, change: bool) -> None:
        obj.pk = subscription_start(obj.organisation, obj.plan, by=signed_in(request)).pk

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.manage)
        return [path("<int:pk>/manage/", view, name="billing_subscription_manage"), *super().get_urls()]

    @admin.display(description="")
    def act(self, row: Subscription) -> str:
        address = reverse("admin:billing_subscription_manage", args=[row.pk])
        return format_html('<a class="underline" href="{}">change</a>', address)

    def manage(self, request: HttpRequest, pk: int) -> HttpResponse:
        row = get_object_or_404(Subscription.objects.select_related("organisation", "plan", "next_plan"), pk=pk)
        act = request.POST.get("act", "")
        form = ChooseForm(request.POST if act == "choose" else None, initial={"plan": row.plan})
        if act and managed(request, row, act, form):
            return redirect("admin:billing_subscription_manage", pk)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": str(row),
            "row": row,
            "form": form,
            "changes": SubscriptionChange.objects.filter(organisation_id=row.organisation_id).order_by("-made_at"),
        }
        return TemplateResponse(request, "admin/billing/subscription.html", context)


def managed(request: HttpRequest, row: Subscription, act: str, form: ChooseForm) -> bool:
    """Whether it was done; else the form, or a message, says why not."""
    by, organisation = signed_in(request), row.organisation
    try:
        if act == "choose":
            if not form.is_valid():
                return False
            plan_choose(organisation, form.cleaned_data["plan"], by=by, as_operator=True)
        elif act == "cancel":
            subscription_cancel(organisation, by=by)
        elif act == "resume":
            subscription_resume(organisation, by=by)
    except VenaError as error:
        messages.error(request, error.text)
        return True
    messages.success(request, "Done. It is in the history below.")
    return True
