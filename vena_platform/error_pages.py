"""The one place where a failure becomes a page. The API has its own (`api_errors`)."""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from vena_platform.errors import VenaError

logger = logging.getLogger(__name__)

TEMPLATES = {403: "403.html", 404: "404.html", 429: "429.html", 503: "503.html"}


class ErrorPageMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, VenaError):
            return None
        logger.info("page.refused", extra={"code": error.code, "detail": error.detail})
        template = TEMPLATES.get(error.status, "400.html")
        return render(request, template, {"detail": error.text}, status=error.status)
