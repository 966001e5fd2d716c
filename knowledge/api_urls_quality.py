from __future__ import annotations

from django.urls import path

from knowledge import api_quality as api

urlpatterns = [
    path("golden-questions/", api.GoldenQuestionsApi.as_view()),
    path("golden-questions/import/", api.GoldenImportApi.as_view()),
    path("golden-questions/export/", api.GoldenExportApi.as_view()),
    path("golden-questions/documents/", api.GoldenDocumentsApi.as_view()),
    path("golden-questions/starters/", api.GoldenStartersApi.as_view()),
    path("golden-questions/<uuid:question_id>/", api.GoldenQuestionApi.as_view()),
    path("evaluations/", api.EvaluationsApi.as_view()),
    path("evaluations/<uuid:run_id>/", api.EvaluationApi.as_view()),
    path("evaluations/<uuid:run_id>/results/", api.EvaluationResultsApi.as_view()),
    path("search/explain/", api.TrySearchApi.as_view()),
]
