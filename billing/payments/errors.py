"""Refusals around payments. What the provider itself answered goes to the log, in words without keys and cards."""

from __future__ import annotations

from vena_platform.errors import VenaError


class PaymentsOff(VenaError):
    code, status = "payments_off", 409
    message = "Paying by card is not set up here. Pay the invoice by bank transfer; its page says how."


class PaymentsUnavailable(VenaError):
    """Nobody knows whether it was done: the same call, with the same key, finds out."""

    code, status, retryable = "payments_unavailable", 503, True
    message = "The payment provider does not answer. Nothing is charged twice; try again in some minutes."


class PaymentsRefused(VenaError):
    """The provider understood, and did nothing. `reason` is its own code."""

    code, status = "payments_refused", 409
    message = "The payment provider refused this. Check the payment method, then try again."

    def __init__(self, *, reason: str = "", detail: str = "") -> None:
        self.reason = reason or "refused"
        super().__init__(detail=detail or self.reason)


class CustomerGone(PaymentsRefused):
    code = "customer_gone"
    message = "The payment provider does not know this organisation any more. Add a payment method again."


class NoPaymentMethod(VenaError):
    code, status = "no_payment_method", 409
    message = "There is no payment method yet. Add a card first."


class PaymentNotFound(VenaError):
    code, status = "payment_not_found", 404
    message = "There is no such payment. Open the list of payments again."


class PaymentDiffers(VenaError):
    """What the provider says does not fit what is in our books. Somebody has to look; nothing is changed."""

    code, status = "payment_differs", 409
    message = "This payment needs to be looked at by us before anything more is charged. We have been told."


class RefundNotPossible(VenaError):
    code, status = "refund_not_possible", 422
    message = "This can't be refunded. Only what was paid and not refunded yet can be."


class BadSignature(VenaError):
    code, status = "bad_signature", 400
    message = "This message is not signed by the payment provider, or it is too old."


class EventTooLarge(VenaError):
    code, status = "event_too_large", 413
    message = "This message is too large."


class EventNotHandled(VenaError):
    """The provider sends it again later."""

    code, status, retryable = "event_not_handled", 500, True
    message = "This event could not be handled now."
