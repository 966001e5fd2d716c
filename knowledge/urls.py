from __future__ import annotations

from django.urls import include, path

from knowledge import views, views_answers, views_models, views_reader

urlpatterns = [
    path("documents/", views.documents, name="documents"),
    path("documents/<uuid:document_id>/", views.document, name="document"),
    path("documents/<uuid:document_id>/passage/", views_reader.passage, name="document_passage"),
    path("documents/<uuid:document_id>/file/", views.document_file, name="document_file"),
    path("knowledge/answers/", views_answers.answers, name="answers"),
    path("knowledge/answers/keys/<str:provider>/", views_answers.provider_key, name="provider_key"),
    path("knowledge/models/", views_models.models, name="models"),
    path("", include("knowledge.urls_quality")),
]
