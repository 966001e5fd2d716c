from __future__ import annotations

from django.urls import path

from accounts.support import views

urlpatterns = [
    path("organisation/support/", views.support, name="support"),
    path("organisation/support/switch/", views.support_switch, name="support_switch"),
    path("organisation/support/<uuid:grant_id>/", views.support_act, name="support_act"),
    path("support/enter/", views.support_enter, name="support_enter"),
    path("support/leave/", views.support_leave, name="support_leave"),
]
