"""`X-Request-ID` in and out, and on every log line of the request."""

from __future__ import annotations

import contextvars
import re
import uuid
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

request_id: contextvars.ContextVar[str] = contextvars.ContextVar("vena_request_id", default="")
ACCEPTABLE = re.compile(r"[A-Za-z0-9._-]{1,64}")


class RequestIdMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-ID", "")
        value = given if ACCEPTABLE.fullmatch(given) else uuid.uuid4().hex
        request_id.set(value)
        response = self.get_response(request)
        response["X-Request-ID"] = value
        return response
