"""Views that fail, on addresses of the API and of pages."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import include, path
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from knowledge.errors import DocumentNotFound, IndexUnavailable
from vena_platform.urls_tenant import handler404, handler500

__all__ = ["handler404", "handler500", "urlpatterns"]

FAILURES: dict[str, Exception] = {
    "crash": RuntimeError("the secret is 42"),
    "missing": DocumentNotFound(detail="document 7 of ada"),
    "down": IndexUnavailable(),
    "http404": Http404(),
    "denied": PermissionDenied(),
    "invalid": ValidationError({"name": ["Too short.", "Too plain."], "size": ["Too big."]}),
    "invalid_as_a_whole": ValidationError("These two do not go together."),
}


class BrokenApi(APIView):
    permission_classes: list[Any] = []

    def get(self, request: Request, how: str) -> Response:
        raise FAILURES[how]


def broken_page(request: HttpRequest, how: str) -> HttpResponse:
    raise FAILURES[how]


urlpatterns = [
    path("api/broken/<str:how>/", BrokenApi.as_view()),
    path("broken/<str:how>/", broken_page),
    path("", include("vena_platform.urls_tenant")),
]
