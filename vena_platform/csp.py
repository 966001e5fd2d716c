"""The admin theme needs what our own pages do not: it gets it on its own paths only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse

ADMIN_PATHS = "/admin/"
ADMIN_NEEDS = {
    "script-src": ["'self'", "'unsafe-inline'", "'unsafe-eval'"],  # Alpine.js evaluates its attributes
    "style-src": ["'self'", "'unsafe-inline'"],
}


class AdminPolicyMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response: Any = self.get_response(request)
        if request.path.startswith(ADMIN_PATHS):
            response._csp_replace = ADMIN_NEEDS
        return response  # type: ignore[no-any-return]
