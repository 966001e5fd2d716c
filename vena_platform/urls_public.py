"""What the base domain serves: the public site and the operators' admin."""

from __future__ import annotations

from django.urls import include, path

from billing import platform_finance
from billing.payments import views as payments
from vena_platform import metrics, signup, views
from vena_platform.admin_sites import operator_admin
from vena_platform.operations import views as operations

urlpatterns = [
    path("", views.landing, name="landing"),
    path("signup/", signup.signup, name="signup"),
    path("signup/<uuid:provisioning_id>/", signup.provisioning, name="provisioning"),
    path("signup/<uuid:provisioning_id>/status/", signup.provisioning_status, name="provisioning_status"),
    path("signup/<uuid:provisioning_id>/retry/", signup.provisioning_retry, name="provisioning_retry"),
    path("find/", signup.find_organisation, name="find_organisation"),
    path("billing/webhooks/stripe/", payments.stripe_webhook, name="stripe_webhook"),
    path("favicon.ico", views.favicon),
    path("metrics", metrics.metrics, name="metrics"),
    path("admin/providers/", operator_admin.admin_view(metrics.provider_states), name="provider_states"),
    path("admin/organisations/", operator_admin.admin_view(operations.organisations), name="operations"),
    path(
        "admin/organisations/<uuid:organisation_id>/",
        operator_admin.admin_view(operations.organisation),
        name="operations_organisation",
    ),
    path("admin/finance/", operator_admin.admin_view(platform_finance.finance), name="platform_finance"),
    path("admin/", operator_admin.urls),
    path("accounts/", include("accounts.sign_in.urls_operators")),
]
handler404 = "vena_platform.views.not_found"
handler500 = "vena_platform.views.server_error"
