from __future__ import annotations

from django.urls import path

from chat.openai_api import views

urlpatterns = [
    path("chat/completions", views.ChatCompletions.as_view()),
    path("models", views.Models.as_view()),
    path("models/<path:name>", views.Model.as_view()),
    path("embeddings", views.Embeddings.as_view()),
    path("", views.Nowhere.as_view()),
    path("<path:rest>", views.Nowhere.as_view()),
]
