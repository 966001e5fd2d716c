"""An organisation's invoices as files."""

from __future__ import annotations

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from accounts.audit.actions import audit
from accounts.audit.registry import Action
from accounts.permissions import Can
from accounts.selectors import require, signed_in
from billing.errors import InvoiceNotFound
from billing.models import Invoice
from tenants.selectors import organisation_of


@login_required
@require_safe
def invoice_file(request: HttpRequest, invoice_id: UUID) -> HttpResponse:
    require(signed_in(request), Can.READ_USAGE)
    row = Invoice.objects.select_related("file").filter(
        pk=invoice_id, organisation_id=organisation_of(request).pk, number__isnull=False
    )
    invoice = row.first()
    if invoice is None:
        raise InvoiceNotFound(detail=str(invoice_id))
    audit(Action.USAGE_EXPORTED, target=invoice.number or "", target_id=str(invoice.pk), detail={"file": "invoice"})
    return pdf_response(bytes(invoice.file.content), f"{invoice.number}.pdf")


def pdf_response(content: bytes, name: str) -> HttpResponse:
    return HttpResponse(
        content,
        content_type="application/pdf",
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-store",
        },
    )
