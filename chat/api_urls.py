from __future__ import annotations

from django.urls import path

from chat import api, api_answers, leavers_api
from chat.gaps import api as gaps

urlpatterns = [
    path("conversations/", api.ConversationsApi.as_view()),
    path("conversations/<uuid:conversation_id>/", api.ConversationApi.as_view()),
    path("conversations/<uuid:conversation_id>/messages/", api.MessagesApi.as_view()),
    path("conversations/<uuid:conversation_id>/export/", api.ConversationExportApi.as_view()),
    path("answers/rated/", api_answers.RatedAnswersApi.as_view()),
    path("answers/<uuid:answer_id>/", api.AnswerApi.as_view()),
    path("answers/<uuid:answer_id>/feedback/", api_answers.FeedbackApi.as_view()),
    path("answers/<uuid:answer_id>/gap/", api_answers.AnswerGapApi.as_view()),
    path("answers/<uuid:answer_id>/follow-ups/", api_answers.FollowUpsApi.as_view()),
    path("answers/<uuid:answer_id>/golden/", api_answers.AnswerGoldenApi.as_view()),
    path("people/<uuid:person_id>/", leavers_api.WholePersonApi.as_view()),
    path("people/<uuid:person_id>/hand-over/", leavers_api.HandOverApi.as_view()),
    path("gaps/", gaps.GapsApi.as_view()),
    path("gaps/filled/", gaps.FilledGapsApi.as_view()),
    path("gaps/<uuid:gap_id>/", gaps.GapApi.as_view()),
    path("gaps/<uuid:gap_id>/seen/", gaps.GapSeenApi.as_view()),
]
