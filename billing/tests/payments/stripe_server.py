"""localstripe on a port of this machine, in a thread, for the real SDK to talk to.

What stands below under "as Stripe does" is ours: localstripe lacks it, or answers otherwise than Stripe's documentation
says. Events are not sent by it but kept, so that a test decides when, how often and in which order they arrive.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import threading
import time
import warnings
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from aiohttp import web

with warnings.catch_warnings():  # its routes are written for an older aiohttp
    warnings.simplefilter("ignore", DeprecationWarning)
    from localstripe import resources
    from localstripe.errors import UserError
    from localstripe.resources import Charge, Customer, PaymentIntent, PaymentMethod, Refund, StripeObject, store
    from localstripe.server import app, get_post_data, json_response

Handler = Callable[[web.Request], Awaitable[Any]]
GOOD, DECLINED, ASKS = "4242424242424242", "4000000000000341", "4000002760003184"


class StripeServer:
    def __init__(self) -> None:
        self.events: list[Any] = []
        self.answers: dict[str, tuple[bytes, Any]] = {}  # idempotency key → what was asked, and its answer
        self.calls: list[str] = []
        self.drops = 0  # so many answers of POSTs to `drop_path` are lost on their way
        self.drop_path = "/v1/payment_intents"
        self.hold_seconds = 0.0  # before each POST is done
        self.fails = ""  # a path that answers 503
        self.base = ""
        resources.schedule_webhook = self.events.append
        store.dump_to_disk = lambda: None  # its file is at a fixed place, which runs at once would share

    def clear(self) -> None:
        store.clear()
        self.events.clear()
        self.answers.clear()
        self.calls.clear()
        self.drops, self.hold_seconds, self.fails = 0, 0.0, ""

    def payments(self) -> list[Any]:
        return [value for key, value in list(store.items()) if key.startswith("payment_intent:")]

    def refunds(self) -> list[Any]:
        return [value for key, value in list(store.items()) if key.startswith("refund:")]

    def events_of(self, kind: str) -> list[Any]:
        return [event for event in self.events if event.type == kind]

    def event(self, kind: str, thing: Any) -> Any:
        return resources.Event(kind, thing)

    def settle(self, intent: Any, *, is_paid: bool) -> Any:
        """A direct debit's bank has answered. Returns the event about it."""
        charge = intent.latest_charge
        charge.status = "succeeded" if is_paid else "failed"
        if not is_paid:
            charge.failure_code, charge.failure_message = "debit_not_authorized", "The debit was refused."
        return self.event(f"payment_intent.{'succeeded' if is_paid else 'payment_failed'}", intent)

    def fill_in(self, setup: str, number: str = GOOD) -> str:
        """As a customer does on the page: a card is attached, and the session is complete."""
        session = CheckoutSession._api_retrieve(setup)
        card = {"number": number, "exp_month": "12", "exp_year": "2031", "cvc": "123"}
        return self.fill_in_with(session, PaymentMethod(type="card", card=card))

    def fill_in_debit(self, setup: str, iban: str = "DE89370400440532013000") -> str:
        session = CheckoutSession._api_retrieve(setup)
        return self.fill_in_with(session, PaymentMethod(type="sepa_debit", sepa_debit={"iban": iban}))

    def fill_in_with(self, session: CheckoutSession, method: Any) -> str:
        PaymentMethod._api_attach(method.id, customer=session.customer)
        session.setup_intent = {"id": "seti_" + session.id, "object": "setup_intent", "payment_method": method.id}
        session.status = "complete"
        resources.schedule_webhook(resources.Event("checkout.session.completed", session))
        return str(method.id)


def sign(body: bytes, secret: str, at: float | None = None) -> str:
    moment = int(at if at is not None else time.time())
    digest = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={moment},v1={digest}"


def body_of(event: Any) -> bytes:
    return json.dumps(event._export()).encode()


# -- as Stripe does: Checkout Sessions and the customer portal ------------------------------------


class CheckoutSession(StripeObject):
    object = "checkout.session"
    _id_prefix = "cs_"

    def __init__(self, **asked: Any) -> None:
        super().__init__()
        # Nobody opens and fills in two within a second, but tests do.
        self.created += sum(key.startswith("checkout.session:") for key in store)
        self.mode = asked["mode"]
        self.currency = asked.get("currency")
        self.customer = asked["customer"]
        self.client_reference_id = asked.get("client_reference_id")
        self.success_url, self.cancel_url = asked["success_url"], asked["cancel_url"]
        self.status = "open"
        self.setup_intent: Any = None
        self.url = f"https://checkout.stripe.com/c/pay/{self.id}"


async def session_create(request: web.Request) -> Any:
    data = await get_post_data(request)
    Customer._api_retrieve(data["customer"])
    if data["mode"] == "setup" and not data.get("currency"):
        raise UserError(400, "Missing required param: currency.")
    return json_response(CheckoutSession(**data)._export())


async def session_retrieve(request: web.Request) -> Any:
    return json_response(CheckoutSession._api_retrieve(request.match_info["id"])._export())


async def portal_create(request: web.Request) -> Any:
    data = await get_post_data(request)
    Customer._api_retrieve(data["customer"])
    url = f"https://billing.stripe.com/p/session/{data['customer']}"
    return json_response({"id": "bps_1", "object": "billing_portal.session", "url": url, **data})


# -- as Stripe does: one answer for each idempotency key ------------------------------------------


def keeping_keys(server: StripeServer) -> Any:
    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> Any:
        server.calls.append(f"{request.method} {request.path}")
        if server.fails and request.path.startswith(server.fails):
            return json_response({"error": {"type": "api_error", "message": "down"}}, status=503)
        if request.method == "POST" and server.hold_seconds:
            await asyncio.sleep(server.hold_seconds)
        response = await answered(server, request, handler)
        if server.drops and request.method == "POST" and request.path == server.drop_path:
            server.drops -= 1
            assert request.transport is not None
            request.transport.abort()
        return response

    return middleware


async def answered(server: StripeServer, request: web.Request, handler: Handler) -> Any:
    key, body = request.headers.get("Idempotency-Key"), await request.read()
    if not key or request.method != "POST":
        return await handler(request)
    if key in server.answers:
        asked, kept = server.answers[key]
        if asked != body:
            error = {"type": "idempotency_error", "message": "Keys can only be used with the same parameters."}
            return json_response({"error": error}, status=400)
        if kept is None:
            error = {"type": "invalid_request_error", "code": "idempotency_key_in_use", "message": "in use"}
            return json_response({"error": error}, status=409)
        text, status = kept
        headers = {"Idempotent-Replayed": "true"}
        return web.Response(text=text, status=status, content_type="application/json", headers=headers)
    server.answers[key] = (body, None)
    response: Any = await handler(request)
    server.answers[key] = (body, (response.text, response.status))
    return response


# -- as Stripe does: what it answers, where localstripe answers otherwise -------------------------


def refuse_gone(cls: Any, id: str) -> Any:
    found = store.get(f"{cls.object}:{id}")
    if found is None:
        raise UserError(404, f"No such {cls.object}", {"code": "resource_missing", "param": "id"})
    return found


def intent_made(self: Any, description: str | None = None, **data: Any) -> None:
    bare_intent(self, **data)
    self.description = description
    self._asks = False


def intent_create(cls: Any, /, confirm: Any = None, off_session: Any = None, **data: Any) -> Any:
    """A bank that wants the customer, when they are not there, is a refusal and not a next step."""
    automatic = data.pop("automatic_payment_methods", {})
    if resources.try_convert_to_bool(confirm) and automatic.get("allow_redirects") != "never":
        raise UserError(400, "A `return_url` must be specified.", {"param": "return_url"})
    made = cls(**data)
    if resources.try_convert_to_bool(confirm):
        method = PaymentMethod._api_retrieve(made.payment_method)
        if method.customer != made.customer:
            raise UserError(400, "The payment method does not belong to the customer.", {"param": "payment_method"})
        if resources.try_convert_to_bool(off_session) and method._requires_authentication():
            made._asks, made.payment_method = True, None
            resources.schedule_webhook(resources.Event("payment_intent.payment_failed", made))
            raise card_error(made, "authentication_required", "Your card was declined. It needs authentication.")
        made._confirm(on_failure_now=made._report_failure)
    return made


def intent_error(self: Any) -> Any:
    if self._asks:
        return {"code": "authentication_required", "message": "Your card was declined. It needs authentication."}
    return bare_error.fget(self)


def report_failure(self: Any) -> None:
    resources.schedule_webhook(resources.Event("payment_intent.payment_failed", self))
    raise card_error(self, self.latest_charge.failure_code, self.latest_charge.failure_message)


def card_error(intent: Any, code: str, message: str) -> UserError:
    error = UserError(402, message, {"code": code, "payment_intent": intent._export()})
    error.body["error"]["type"] = "card_error"
    return error


def listed_since(listed: Any) -> Any:
    """Lists take `created[gte]`, and begin with the newest."""

    def list_all(
        cls: Any, /, url: str, created: Any = None, limit: Any = None, starting_after: Any = None, **more: Any
    ) -> Any:
        found = listed.__func__(cls, url, limit=limit, starting_after=starting_after, **more)
        least = int((created or {}).get("gte", 0))
        found._list = [one for one in reversed(list(found._list)) if one.created >= least]
        return found

    return classmethod(list_all)


def refund_made(self: Any, **data: Any) -> None:
    charge = PaymentIntent._api_retrieve(data["payment_intent"]).latest_charge
    if charge is None or int(data["amount"]) > charge.amount - charge.amount_refunded:
        raise UserError(400, "Refund amount is greater than unrefunded amount on charge.", {"param": "amount"})
    bare_refund(self, **data)
    resources.schedule_webhook(resources.Event("charge.refunded", charge))


def customer_retrieve(cls: Any, id: str) -> Any:
    if f"customer:{id}" not in store and id in gone:
        return resources.DeletedObject(id, "customer")
    return refuse_gone(cls, id)


def customer_delete(cls: Any, id: str) -> Any:
    gone.add(id)
    return bare_delete(cls, id)


gone: set[str] = set()


def charge_begins(self: Any, on_success: Any = None, on_failure_now: Any = None, on_failure_later: Any = None) -> None:
    """A direct debit is neither paid nor refused at once; `StripeServer.settle` says when."""
    if self._is_async_payment_method():
        self.status = "pending"
    else:
        bare_begin(self, on_success, on_failure_now, on_failure_later)


bare_begin = Charge._initialize_charge
bare_intent, bare_error = PaymentIntent.__init__, PaymentIntent.last_payment_error
bare_refund, bare_delete = Refund.__init__, Customer._api_delete.__func__


def patch(server: StripeServer) -> None:
    Charge._initialize_charge = charge_begins
    StripeObject._api_retrieve = classmethod(refuse_gone)
    Customer._api_retrieve = classmethod(customer_retrieve)
    Customer._api_delete = classmethod(customer_delete)
    PaymentIntent.__init__ = intent_made
    PaymentIntent._api_create = classmethod(intent_create)
    PaymentIntent.last_payment_error = property(intent_error)
    PaymentIntent._report_failure = report_failure
    PaymentIntent._api_list_all = listed_since(StripeObject.__dict__["_api_list_all"])
    Refund.__init__ = refund_made
    Refund._api_list_all = listed_since(Refund.__dict__["_api_list_all"])
    app.middlewares.insert(0, keeping_keys(server))
    app.router.add_post("/v1/checkout/sessions", session_create)
    app.router.add_get("/v1/checkout/sessions/{id}", session_retrieve)
    app.router.add_post("/v1/billing_portal/sessions", portal_create)


def running() -> Iterator[StripeServer]:
    server, loop = StripeServer(), asyncio.new_event_loop()
    patch(server)
    runner = web.AppRunner(app)

    async def start() -> int:
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        return int(runner.addresses[0][1])

    server.base = f"http://127.0.0.1:{loop.run_until_complete(start())}"
    thread = threading.Thread(target=loop.run_forever, name="localstripe", daemon=True)
    thread.start()
    yield server
    asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(timeout=10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(timeout=10)
