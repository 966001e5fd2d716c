"""Everything below /accounts/ on an organisation's host."""

from __future__ import annotations

from allauth.account import views as account_views
from allauth.socialaccount.providers.saml import views as saml
from django.urls import include, path

from accounts.sign_in import provider_views, views
from accounts.sign_in.evening import evened

urlpatterns = [
    path("login/code/", evened(account_views.request_login_code), name="account_request_login_code"),
    path("password/reset/", evened(account_views.password_reset), name="account_reset_password"),
    path("reauthenticate/provider/", provider_views.provider_again, name="provider_again"),
    path("reauthenticate/provider/done/", provider_views.provider_again_done, name="provider_again_done"),
    path("", include("allauth.account.urls")),
    path("2fa/", views.security, name="mfa_index"),
    path("2fa/", include("allauth.mfa.urls")),
    path("sessions/", views.sessions, name="usersessions_list"),
    path("sessions/<int:pk>/end/", views.session_end, name="session_end"),
    # Of allauth's pages for social accounts only these: nobody connects accounts by themselves here.
    path("provider/failed/", views.provider_failed, name="socialaccount_login_error"),
    path("provider/failed/", views.provider_failed, name="socialaccount_login_cancelled"),
    path("provider/failed/", views.provider_failed, name="socialaccount_signup"),
    path("provider/failed/", views.provider_failed, name="socialaccount_connections"),
    path("oidc/<str:provider_id>/login/", provider_views.oidc_login, name="openid_connect_login"),
    path("oidc/<str:provider_id>/login/callback/", provider_views.oidc_callback, name="openid_connect_callback"),
    path("saml/<str:organization_slug>/acs/finish/", provider_views.saml_finish, name="saml_finish_acs"),
    path("saml/<str:organization_slug>/acs/", saml.acs, name="saml_acs"),
    path("saml/<str:organization_slug>/metadata/", saml.metadata, name="saml_metadata"),
    path("saml/<str:organization_slug>/login/", saml.login, name="saml_login"),
    # Signing out everywhere is not offered: an unsigned request for it could sign people out.
    path("saml/<str:organization_slug>/sls/", provider_views.no_sign_out, name="saml_sls"),
]
