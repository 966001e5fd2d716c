"""The part of an organisation's host that the API description covers."""

from __future__ import annotations

from django.urls import include, path

from accounts.api import MeApi

urlpatterns = [
    path("api/v1/me/", MeApi.as_view()),
    path("api/v1/", include("knowledge.api_urls")),
]
