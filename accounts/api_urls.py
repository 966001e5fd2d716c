from __future__ import annotations

from django.urls import path

from accounts.api import MeApi
from accounts.audit.api import AuditApi
from accounts.people import api

urlpatterns = [
    path("me/", MeApi.as_view()),
    path("audit/", AuditApi.as_view()),
    path("people/", api.PeopleApi.as_view()),
    path("invitations/", api.InvitationsApi.as_view()),
    path("invitations/import/", api.InvitationListApi.as_view()),
    path("invitations/<uuid:invitation_id>/", api.InvitationApi.as_view()),
    path("invitations/<uuid:invitation_id>/resend/", api.InvitationResendApi.as_view()),
    path("groups/", api.GroupsApi.as_view()),
    path("groups/<uuid:group_id>/", api.GroupApi.as_view()),
]
