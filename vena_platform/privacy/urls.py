from __future__ import annotations

from django.urls import path

from vena_platform.privacy import views

urlpatterns = [
    path("", views.privacy, name="privacy"),
    path("export/", views.own_export, name="privacy_own_export"),
    path("settings/", views.change, name="privacy_settings"),
    path("people/<uuid:person_id>/", views.person, name="privacy_person"),
    path("people/<uuid:person_id>/export/", views.export, name="privacy_export"),
    path("people/<uuid:person_id>/erase/", views.erase, name="privacy_erase"),
    path("people/<uuid:person_id>/conversations/", views.conversations, name="privacy_conversations"),
    path("conversations/<uuid:conversation_id>/", views.conversation, name="privacy_conversation"),
    path("receipts/<uuid:receipt_id>/", views.receipt, name="privacy_receipt"),
]
