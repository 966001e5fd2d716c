"""The door for the payment provider, on the public host. Who comes in is known by the signature alone."""

from __future__ import annotations

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from billing.payments.actions import event_receive
from billing.payments.errors import EventTooLarge
from vena_platform.addresses import address_of_request, network_of
from vena_platform.limits import spend

MOST_BYTES = 256 * 1024  # the largest event is some tens of kilobytes


@csrf_exempt
@require_POST
def stripe_webhook(request: HttpRequest) -> HttpResponse:
    spend("payment_event", address=network_of(address_of_request(request.META)))
    event_receive(body=body_of(request), signature=request.headers.get("Stripe-Signature", ""))
    return HttpResponse(status=200)


def body_of(request: HttpRequest) -> bytes:
    """Raises EventTooLarge, before it is read where the length is told."""
    told = request.headers.get("Content-Length", "")
    try:
        if told.isdigit() and int(told) > MOST_BYTES:
            raise EventTooLarge
        body = request.body
    except RequestDataTooBig:
        raise EventTooLarge from None
    if len(body) > MOST_BYTES:
        raise EventTooLarge
    return body
