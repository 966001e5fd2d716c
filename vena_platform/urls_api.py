"""The part of an organisation's host that the API description covers."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [
    path("api/v1/", include("accounts.api_urls")),
    path("api/v1/", include("knowledge.api_urls")),
    path("api/v1/", include("chat.api_urls")),
    path("api/v1/", include("billing.api_urls")),
]
