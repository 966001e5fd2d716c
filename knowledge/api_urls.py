from __future__ import annotations

from django.urls import include, path

from knowledge import api, api_answers, api_models, api_search

urlpatterns = [
    path("answer-policy/", api_answers.AnswerPolicyApi.as_view()),
    path("provider-keys/<str:provider>/", api_answers.ProviderKeyApi.as_view()),
    path("provider-keys/<str:provider>/test/", api_answers.ProviderKeyTestApi.as_view()),
    path("collections/", api.CollectionsApi.as_view()),
    path("collections/<uuid:collection_id>/", api.CollectionApi.as_view()),
    path("collections/<uuid:collection_id>/context-estimate/", api.CollectionContextApi.as_view()),
    path("documents/", api.DocumentsApi.as_view()),
    path("documents/reindex/", api.DocumentsReindexApi.as_view()),
    path("documents/known/", api.KnownFilesApi.as_view()),
    path("documents/<uuid:document_id>/", api.DocumentApi.as_view()),
    path("documents/<uuid:document_id>/retry/", api.DocumentRetryApi.as_view()),
    path("documents/<uuid:document_id>/cancel/", api.DocumentCancelApi.as_view()),
    path("documents/<uuid:document_id>/reindex/", api.DocumentReindexApi.as_view()),
    path("documents/<uuid:document_id>/refetch/", api.DocumentRefetchApi.as_view()),
    path("documents/<uuid:document_id>/versions/", api.DocumentVersionsApi.as_view()),
    path("documents/<uuid:document_id>/versions/<int:number>/restore/", api.DocumentRestoreApi.as_view()),
    path("documents/<uuid:document_id>/attempts/", api.DocumentAttemptsApi.as_view()),
    path("documents/<uuid:document_id>/sections/<int:section>/", api.DocumentSectionApi.as_view()),
    path("documents/<uuid:document_id>/content/", api.DocumentContentApi.as_view()),
    path("reembeddings/", api_models.ReembeddingsApi.as_view()),
    path("reembeddings/<uuid:reembedding_id>/", api_models.ReembeddingApi.as_view()),
    path("reembeddings/<uuid:reembedding_id>/switch/", api_models.ReembeddingSwitchApi.as_view()),
    path("reembeddings/<uuid:reembedding_id>/close/", api_models.ReembeddingCloseApi.as_view()),
    path("search/", api_search.SearchApi.as_view()),
    path("", include("knowledge.api_urls_quality")),
]
