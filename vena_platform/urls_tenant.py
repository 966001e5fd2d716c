"""What an organisation's host serves."""

from __future__ import annotations

from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView

from billing.urls import urlpatterns_with as billing_urls
from chat.sizes import sizes_of
from knowledge.answering.savings import answers_saved, default_model
from vena_platform import views
from vena_platform.admin_sites import tenant_admin
from vena_platform.isolation import views as isolation

urlpatterns = [
    path("", include("chat.urls")),
    path("", include("knowledge.urls")),
    path("", include("accounts.urls")),
    path("", include("accounts.organisation.urls")),
    path("", include("accounts.support.urls")),
    path("", include(billing_urls(answers_saved, default_model, sizes_of))),
    path("privacy/", include("vena_platform.privacy.urls")),
    path("welcome/", views.owner_entry, name="owner_entry"),
    path("accounts/", include("accounts.sign_in.urls")),
    path("people/sign-in/", include("accounts.sign_in.settings_urls")),
    path("favicon.ico", views.favicon),
    path("admin/isolation/", tenant_admin.admin_view(isolation.report), name="isolation_report"),
    path("admin/isolation/<str:kind>/", tenant_admin.admin_view(isolation.download), name="isolation_report_download"),
    path("admin/", tenant_admin.urls),
    path("api/v1/", include("accounts.api_urls")),
    path("api/v1/", include("knowledge.api_urls")),
    path("api/v1/", include("chat.api_urls")),
    path("api/v1/", include("billing.api_urls")),
    path("v1/", include("chat.openai_api.urls")),
    path("scim/v2/", include("accounts.scim.urls")),
    path("api/schema/", SpectacularAPIView.as_view(urlconf="vena_platform.urls_api"), name="api_schema"),
    path("api/docs/", views.api_docs, name="api_docs"),
    path("api/", views.api_not_found),
    path("api/<path:rest>", views.api_not_found),
]
handler404 = "vena_platform.views.not_found"
handler500 = "vena_platform.views.server_error"
