"""What Stripe's objects say, read into ours. Pure: dicts in, frozen values out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from billing.payments.gateway import GatewayMethod, GatewayPayment, GatewayRefund, Notice, Setup, Standing

LONGEST_SENTENCE = 300
# A bank that wants the customer there: with them gone, Stripe ends the attempt with this code.
WANTS_CUSTOMER = "authentication_required"
FAILED_REFUNDS = {"failed", "canceled"}


def payment_from(told: dict[str, Any]) -> GatewayPayment:
    error = told.get("last_payment_error") or {}
    code, sentence = failure_of(told["status"], error)
    ours = told.get("metadata") or {}
    return GatewayPayment(
        id=told["id"],
        customer=id_of(told.get("customer")),
        standing=standing_of(told["status"], code),
        pence=int(told["amount"]),
        currency=told["currency"],
        created=at_time(told["created"]),
        refunded_pence=refunded_of(told),
        failure_code=code,
        failure_sentence=sentence,
        payment_id=uuid_of(ours.get("vena_payment")),
        invoice_id=uuid_of(ours.get("vena_invoice")),
        invoice_number=str(ours.get("vena_invoice_number") or "")[:40],
        organisation_id=uuid_of(ours.get("vena_organisation")),
        attempt=number_of(ours.get("vena_attempt")),
    )


def standing_of(status: str, failure_code: str) -> Standing:
    match status:
        case "succeeded":
            return Standing.SUCCEEDED
        case "requires_action":
            return Standing.NEEDS_ACTION
        case "canceled":
            return Standing.FAILED
        case "requires_payment_method" if failure_code == WANTS_CUSTOMER:
            return Standing.NEEDS_ACTION
        case "requires_payment_method" if failure_code:
            return Standing.FAILED
    return Standing.PROCESSING  # also what is just being confirmed


def failure_of(status: str, error: dict[str, Any]) -> tuple[str, str]:
    """Code and sentence; banks' own reasons are finer than the code, where they are told."""
    if status in {"succeeded", "processing"}:
        return "", ""
    code = str(error.get("code") or "")
    if code == "card_declined":
        code = str(error.get("decline_code") or code)
    if status == "canceled":
        return (code or "withdrawn")[:80], str(error.get("message") or "The payment was withdrawn.")[:LONGEST_SENTENCE]
    if status == "requires_action":
        return code or WANTS_CUSTOMER, "The bank wants the cardholder to confirm this payment."
    return code[:80], str(error.get("message") or "")[:LONGEST_SENTENCE]


def refunded_of(told: dict[str, Any]) -> int:
    charge = told.get("latest_charge")
    return int(charge.get("amount_refunded") or 0) if isinstance(charge, dict) else 0


def method_from(told: dict[str, Any]) -> GatewayMethod:
    kind = str(told.get("type") or "card")
    shown = told.get(kind) or {}
    return GatewayMethod(
        id=told["id"],
        brand=str(shown.get("brand") or kind.replace("_", " "))[:40],
        last4=str(shown.get("last4") or "")[:4],
        expires_month=shown.get("exp_month"),
        expires_year=shown.get("exp_year"),
    )


def setup_from(told: dict[str, Any]) -> Setup:
    intent = told.get("setup_intent")
    is_done = told.get("status") == "complete" and isinstance(intent, dict)
    return Setup(
        id=told["id"],
        customer=id_of(told.get("customer")),
        created=at_time(told["created"]),
        method=id_of(intent.get("payment_method")) if is_done and isinstance(intent, dict) else "",
        is_over=told.get("status") in {"complete", "expired"},
    )


def refund_from(told: dict[str, Any]) -> GatewayRefund:
    return GatewayRefund(
        id=told["id"],
        payment=id_of(told.get("payment_intent")),
        pence=int(told["amount"]),
        is_failed=told.get("status") in FAILED_REFUNDS,
        refund_id=uuid_of((told.get("metadata") or {}).get("vena_refund")),
    )


def notice_from(told: dict[str, Any]) -> Notice:
    thing = told["data"]["object"]
    kind, own = str(thing.get("object") or ""), id_of(thing)
    return Notice(
        id=told["id"],
        type=str(told["type"])[:80],
        created=at_time(told["created"]),
        object_id=own,
        customer=own if kind == "customer" else id_of(thing.get("customer")),
        payment=own if kind == "payment_intent" else id_of(thing.get("payment_intent")),
    )


def id_of(told: Any) -> str:
    """Of what Stripe gives as an id, or as the whole object where it was asked to."""
    return str(told.get("id") or "") if isinstance(told, dict) else str(told or "")


def uuid_of(text: Any) -> UUID | None:
    try:
        return UUID(str(text)) if text else None
    except ValueError:
        return None


def number_of(text: Any) -> int:
    return int(text) if str(text or "").isdigit() else 0


def at_time(seconds: Any) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)
