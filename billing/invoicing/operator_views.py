"""What operators do with an invoice: lines of a draft, closing, credit notes, payments."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.http import require_safe
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminSingleDateWidget,
    UnfoldAdminTextInputWidget,
)

from accounts.selectors import signed_in
from billing.invoicing.balances import open_amount
from billing.invoicing.closing import invoice_close
from billing.invoicing.collecting import overpaid_refund
from billing.invoicing.credits import credit_note_issue, left_of
from billing.invoicing.drafts import invoice_draft, line_add, line_remove
from billing.invoicing.payments import payment_enter
from billing.invoicing.pdf import invoice_pdf
from billing.invoicing.views import pdf_response
from billing.models import Invoice, InvoicePayment
from vena_platform.errors import VenaError


def pounds_field(label: str, **more: Any) -> forms.DecimalField:
    return forms.DecimalField(
        label=label, max_digits=10, decimal_places=2, widget=UnfoldAdminDecimalFieldWidget, **more
    )


def words_field(label: str, longest: int, **more: Any) -> forms.CharField:
    return forms.CharField(label=label, max_length=longest, widget=UnfoldAdminTextInputWidget, **more)


class LineForm(forms.Form):
    text = words_field("Description", 200)
    amount = pounds_field("Amount in pounds, without VAT", help_text="Below zero: a discount.")


class CreditForm(forms.Form):
    net = pounds_field("Amount in pounds, without VAT", min_value=Decimal("0.01"))
    reason = words_field("Reason", 300, help_text="It is printed on the credit note.")


class PaymentForm(forms.Form):
    amount = pounds_field("Amount in pounds", help_text="Below zero: money that went back.")
    paid_on = forms.DateField(label="On", widget=UnfoldAdminSingleDateWidget)
    way = forms.ChoiceField(label="By", choices=InvoicePayment.Way.choices, widget=UnfoldAdminSelectWidget)
    reference = words_field("Reference", 120, required=False)


def page(request: HttpRequest, pk: UUID, context: dict[str, Any]) -> HttpResponse:
    invoice = get_object_or_404(Invoice.objects.select_related("corrects"), pk=pk)
    act = request.POST.get("act", "")
    forms_ = forms_of(request, invoice, act)
    if act and done(request, invoice, act, forms_):
        return redirect("admin:billing_invoice_page", pk)
    facts = {
        "title": f"{invoice.get_kind_display()} {invoice}",
        "invoice": invoice,
        "lines": invoice.lines.all(),
        "payments": invoice.payments.all(),
        "credit_notes": invoice.credit_notes.all(),
        "open": open_amount(invoice),
        "forms": forms_,
    }
    return TemplateResponse(request, "admin/billing/invoice.html", {**context, **facts})


def forms_of(request: HttpRequest, invoice: Invoice, act: str) -> dict[str, forms.Form]:
    if not invoice.is_closed:
        return {"line": LineForm(request.POST if act == "line" else None)}
    if invoice.kind != Invoice.Kind.INVOICE:
        return {}
    paying = {"amount": open_amount(invoice), "paid_on": timezone.now().date()}
    return {
        "credit": CreditForm(request.POST if act == "credit" else None, initial={"net": left_of(invoice)[0]}),
        "pay": PaymentForm(request.POST if act == "pay" else None, initial=paying),
    }


def done(request: HttpRequest, invoice: Invoice, act: str, shown: dict[str, forms.Form]) -> bool:
    """Whether it was; else its form says why not."""
    form, by = shown.get(act), signed_in(request).email
    values = form.cleaned_data if form is not None and form.is_valid() else {}
    acts: dict[str, Callable[[], object]] = {
        "refresh": lambda: invoice_draft(invoice.organisation_id, invoice.month),
        "close": lambda: invoice_close(invoice.organisation_id, invoice.month, by=by),
        "remove": lambda: line_remove(invoice, int(request.POST.get("line", "0") or 0)),
        "line": lambda: line_add(invoice, **values),
        "credit": lambda: credit_note_issue(invoice, by=by, **values),
        "refund": lambda: overpaid_refund(invoice),
        "pay": lambda: payment_enter(invoice, by=by, **values),
    }
    if act not in acts or (form is not None and form.errors):
        return False
    try:
        acts[act]()
    except VenaError as error:
        if form is None:
            messages.error(request, error.text)
            return True
        form.add_error(None, error.text)
        return False
    messages.success(request, "Done.")
    return True


@require_safe
def file(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The PDF; of a draft as it would be now."""
    invoice = get_object_or_404(Invoice.objects.select_related("corrects"), pk=pk)
    if invoice.number:
        return pdf_response(bytes(invoice.file.content), f"{invoice.number}.pdf")
    if invoice.is_closed:
        raise Http404
    return pdf_response(invoice_pdf(invoice, list(invoice.lines.all())), f"draft-{invoice.month:%Y-%m}.pdf")
