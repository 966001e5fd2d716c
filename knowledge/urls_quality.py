from __future__ import annotations

from django.urls import path

from knowledge import views_quality as views

urlpatterns = [
    path("knowledge/quality/", views.quality, name="quality"),
    path("knowledge/quality/<uuid:run_id>/", views.quality_run, name="quality_run"),
    path("knowledge/try/", views.try_query, name="try"),
]
