from __future__ import annotations

from django.urls import path

from knowledge import api

urlpatterns = [
    path("collections/", api.CollectionsApi.as_view()),
    path("collections/<uuid:collection_id>/", api.CollectionApi.as_view()),
    path("documents/", api.DocumentsApi.as_view()),
    path("documents/<uuid:document_id>/", api.DocumentApi.as_view()),
    path("documents/<uuid:document_id>/retry/", api.DocumentRetryApi.as_view()),
    path("documents/<uuid:document_id>/content/", api.DocumentContentApi.as_view()),
    path("search/", api.SearchApi.as_view()),
]
