from __future__ import annotations

from django.urls import path

from chat import views, views_leavers, views_shared
from chat.gaps import views as gap_views

urlpatterns = [
    path("", views.chat, name="chat"),
    path("c/<uuid:conversation_id>/", views.chat, name="conversation"),
    path("c/<uuid:conversation_id>/shared/", views_shared.shared, name="shared_conversation"),
    path("people/<uuid:person_id>/leave/", views_leavers.leave, name="leave"),
    path("knowledge/gaps/", gap_views.gaps, name="gaps"),
]
