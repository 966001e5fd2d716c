from __future__ import annotations

from django.urls import include, path

from knowledge import views, views_models

urlpatterns = [
    path("documents/", views.documents, name="documents"),
    path("documents/<uuid:document_id>/", views.document, name="document"),
    path("documents/<uuid:document_id>/file/", views.document_file, name="document_file"),
    path("knowledge/models/", views_models.models, name="models"),
    path("", include("knowledge.urls_quality")),
]
