"""What an organisation's host serves."""

from __future__ import annotations

from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView

from accounts.api import MeApi
from vena_platform import views
from vena_platform.admin_sites import tenant_admin

urlpatterns = [
    path("", include("chat.urls")),
    path("", include("knowledge.urls")),
    path("welcome/", views.owner_entry, name="owner_entry"),
    path("accounts/", include("allauth.account.urls")),
    path("favicon.ico", views.favicon),
    path("admin/", tenant_admin.urls),
    path("api/v1/me/", MeApi.as_view()),
    path("api/v1/", include("knowledge.api_urls")),
    path("api/schema/", SpectacularAPIView.as_view(urlconf="vena_platform.urls_api"), name="api_schema"),
    path("api/docs/", views.api_docs, name="api_docs"),
    path("api/", views.api_not_found),
    path("api/<path:rest>", views.api_not_found),
]
handler404 = "vena_platform.views.not_found"
handler500 = "vena_platform.views.server_error"
