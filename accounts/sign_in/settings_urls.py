from __future__ import annotations

from django.urls import path

from accounts.scim import settings_views as scim
from accounts.sign_in import settings_views

urlpatterns = [
    path("", settings_views.sign_in_settings, name="sign_in_settings"),
    path("add/", settings_views.provider_add, name="identity_provider_add"),
    path("scim/", scim.scim_settings, name="scim_settings"),
    path("scim/tokens/", scim.token_add, name="scim_token_add"),
    path("scim/tokens/<uuid:token_id>/revoke/", scim.token_end, name="scim_token_revoke"),
    path("<uuid:provider_id>/", settings_views.identity_provider, name="identity_provider"),
    path("<uuid:provider_id>/act/", settings_views.provider_act, name="identity_provider_act"),
]
