"""Below /accounts/ on the base domain, where operators sign in: as on an organisation's host, but by no provider."""

from __future__ import annotations

from allauth.account import views as account_views
from django.urls import include, path

from accounts.sign_in import views
from accounts.sign_in.evening import evened

urlpatterns = [
    path("password/reset/", evened(account_views.password_reset), name="account_reset_password"),
    path("login/code/", evened(account_views.request_login_code), name="account_request_login_code"),
    path("", include("allauth.account.urls")),
    path("2fa/", views.security, name="mfa_index"),
    path("2fa/", include("allauth.mfa.urls")),
    path("sessions/", views.sessions, name="usersessions_list"),
    path("sessions/<int:pk>/end/", views.session_end, name="session_end"),
]
