"""The organisation's own pages about its plan. They stay open while it is suspended."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_countries import countries

from accounts.permissions import Can
from accounts.selectors import require, signed_in
from accounts.sign_in.freshness import require_fresh_sign_in
from billing.errors import DetailsNeeded, InvoiceNotFound
from billing.invoicing.balances import with_balance
from billing.invoicing.collecting import invoice_collect
from billing.invoicing.details import details_change
from billing.invoicing.drafts import preview
from billing.invoicing.tax import vat_number_of
from billing.models import BillingDetails, Invoice, Payment, Plan, Subscription
from billing.payments.accounts import account_of
from billing.payments.actions import checkout_start, method_refresh, portal_open
from billing.payments.registry import gateway
from billing.plans.actions import plan_choose, subscription_cancel, subscription_resume, today
from billing.plans.offers import Offer, offer_of
from billing.plans.sizes import SizesOf, uses
from tenants.models import Organisation
from tenants.selectors import organisation_of
from vena_platform.errors import VenaError

INVOICES_SHOWN = 36


@login_required
def overview(request: HttpRequest, sizes_of: SizesOf) -> HttpResponse:
    """What the organisation has, uses and owes."""
    require(signed_in(request), Can.READ_USAGE)
    organisation = organisation_of(request)
    came_back(request, organisation)
    sizes, row = sizes_of(organisation), subscription_of(organisation)
    offers = [offer_of(plan, row, sizes, today()) for plan in plans_for(row)]
    context = {
        "subscription": row,
        "uses": uses(sizes, organisation.entitled),
        "offers": offers,
        "month": preview(organisation.pk, today().replace(day=1)) if row else None,
        "invoices": invoices_of(organisation)[:INVOICES_SHOWN],
        "payments_on": gateway() is not None,
        "account": account_of(organisation),
        "details": BillingDetails.objects.filter(organisation=organisation).first(),
        "waiting": Invoice.objects.filter(organisation_id=organisation.pk, state="draft").exclude(problem="").first(),
    }
    return render(request, "billing/plan.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def choose(request: HttpRequest, slug: str, sizes_of: SizesOf) -> HttpResponse:
    """What a plan would change, before it does."""
    user = signed_in(request)
    require(user, Can.MANAGE_PLAN)
    organisation = organisation_of(request)
    row, plan = subscription_of(organisation), get_object_or_404(Plan, slug=slug, is_offered=True)
    offer = offer_of(plan, row, sizes_of(organisation), today())
    if request.method == "POST":
        try:
            row = plan_choose(organisation, plan, by=user)
        except DetailsNeeded as error:
            messages.error(request, error.text)
            return redirect("billing_details")
        except VenaError as error:
            messages.error(request, error.text)
        else:
            messages.success(request, said(row, offer))
        return redirect("billing")
    return render(request, "billing/plan_change.html", {"offer": offer, "subscription": row})


def said(row: Subscription, offer: Offer) -> str:
    if row.next_plan and row.changes_on and offer.is_later:
        return f"{row.next_plan} comes on {row.changes_on:%-d %B %Y}. Until then you have {row.plan}."
    return f"You have {row.plan} now."


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def cancel(request: HttpRequest) -> HttpResponse:
    user = signed_in(request)
    require(user, Can.MANAGE_PLAN)
    organisation = organisation_of(request)
    if request.method == "POST":
        require_fresh_sign_in(request)
        try:
            row = subscription_cancel(organisation, by=user)
            messages.success(request, f"Cancelled. Everything works until {row.changes_on:%-d %B %Y} begins.")
        except VenaError as error:
            messages.error(request, error.text)
        return redirect("billing")
    return render(request, "billing/plan_cancel.html", {"subscription": subscription_of(organisation)})


@login_required
@require_POST
def resume(request: HttpRequest) -> HttpResponse:
    user = signed_in(request)
    require(user, Can.MANAGE_PLAN)
    try:
        row = subscription_resume(organisation_of(request), by=user)
        messages.success(request, f"Nothing changes: you keep {row.plan}.")
    except VenaError as error:
        messages.error(request, error.text)
    return redirect("billing")


def came_back(request: HttpRequest, organisation: Organisation) -> None:
    """From the payment provider's page: its answer is read now, before its event arrives."""
    if request.GET.get("payment") != "saved":
        return
    try:
        account = method_refresh(organisation=organisation)
    except VenaError as error:
        messages.error(request, error.text)
    else:
        if account and account.label:
            messages.success(request, f"Invoices are paid by {account.label} from now on.")


@login_required
@require_safe
def card(request: HttpRequest) -> HttpResponse:
    """To the payment provider's page. By a link: the content policy lets forms lead nowhere else."""
    require(signed_in(request), Can.MANAGE_PLAN)
    require_fresh_sign_in(request)
    organisation, back = organisation_of(request), request.build_absolute_uri(reverse("billing"))
    to_portal = request.GET.get("show") == "portal"
    try:
        address = (portal_open if to_portal else checkout_start)(organisation=organisation, back=back)
    except VenaError as error:
        messages.error(request, error.text)
        return redirect("billing")
    return redirect(address)


@login_required
@require_POST
def pay(request: HttpRequest, invoice_id: UUID) -> HttpResponse:
    """What is open of an invoice, now, from the method that is there."""
    require(signed_in(request), Can.MANAGE_PLAN)
    organisation = organisation_of(request)
    invoice = invoices_of(organisation).filter(pk=invoice_id).first()
    try:
        if invoice is None:
            raise InvoiceNotFound(detail=str(invoice_id))
        payment = invoice_collect(organisation, invoice)
    except VenaError as error:
        messages.error(request, error.text)
    else:
        tell_paid(request, payment)
    return redirect("billing")


def tell_paid(request: HttpRequest, payment: Payment) -> None:
    match payment.state:
        case Payment.State.SUCCEEDED:
            messages.success(request, f"Paid. Thank you. {payment.invoice_number} is settled.")
        case Payment.State.FAILED:
            messages.error(request, payment.failure_sentence or "The payment was refused. Try another card.")
        case Payment.State.NEEDS_ACTION:
            messages.error(request, "Your bank wants to ask you first. Enter the card again, then pay anew.")
        case _:
            messages.success(request, "The payment is under way. It can take some days.")


class DetailsForm(forms.ModelForm):  # type: ignore[type-arg]
    country = forms.ChoiceField(choices=lambda: [("", "Choose one"), *countries], label="Country")

    class Meta:
        model = BillingDetails
        fields = ("name", "address", "country", "vat_number", "purchase_order", "email")
        labels = {
            "name": "Name on the invoice",
            "vat_number": "VAT number",
            "purchase_order": "Your order number",
            "email": "Send invoices to",
        }
        help_texts = {
            "address": "As on a letter, without the name and the country.",
            "vat_number": "With it, businesses in the EU are charged no VAT (reverse charge). In the UK it is printed.",
            "purchase_order": "Printed on every invoice.",
            "email": "Empty: all owners and finance.",
        }
        widgets = {"address": forms.Textarea(attrs={"rows": 4})}

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("country"):
            try:
                cleaned["vat_number"] = vat_number_of(cleaned["country"], cleaned.get("vat_number", ""))
            except VenaError as error:
                self.add_error("vat_number", error.text)
        return cleaned


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def details(request: HttpRequest) -> HttpResponse:
    """Whom invoices are made out to."""
    require(signed_in(request), Can.MANAGE_PLAN)
    organisation = organisation_of(request)
    row = BillingDetails.objects.filter(organisation=organisation).first()
    usual = None if row else {"name": organisation.name, "country": "GB"}
    form = DetailsForm(request.POST or None, instance=row, initial=usual)
    if request.method == "POST" and form.is_valid():
        details_change(organisation, **form.cleaned_data)
        messages.success(request, "Saved. It is on every invoice from now on.")
        return redirect("billing")
    return render(request, "billing/details.html", {"form": form}, status=422 if form.errors else 200)


def subscription_of(organisation: Organisation) -> Subscription | None:
    rows = Subscription.objects.select_related("plan", "next_plan")
    return rows.filter(organisation=organisation).first()


def plans_for(row: Subscription | None) -> list[Plan]:
    """None without a subscription: operators run this organisation for themselves."""
    return list(Plan.objects.filter(is_offered=True)) if row else []


def invoices_of(organisation: Organisation) -> Any:
    """The closed ones: drafts are the operators'."""
    rows = Invoice.objects.filter(organisation_id=organisation.pk, state=Invoice.State.CLOSED)
    return with_balance(rows).select_related("corrects").order_by("-month", "-closed_at")
