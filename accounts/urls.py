from __future__ import annotations

from django.urls import path

from accounts.invitations import views as invitations
from accounts.keys import views as keys
from accounts.people import profile
from accounts.people import views as people

urlpatterns = [
    path("people/", people.people, name="people"),
    path("people/<uuid:person_id>/", people.person, name="person"),
    path("people/invitations/", people.invitation_list, name="invitations"),
    path("people/invitations/list/", people.invite_many, name="invite_many"),
    path("people/invitations/joining/", people.joining_change, name="joining"),
    path("people/invitations/<uuid:invitation_id>/", people.invitation_act, name="invitation_act"),
    path("people/groups/", people.groups, name="groups"),
    path("people/groups/<uuid:group_id>/", people.group, name="group"),
    path("invitations/<str:token>/", invitations.accept, name="invitation"),
    path("join/", invitations.join, name="join"),
    path("me/", profile.profile, name="profile"),
    path("me/keys/", keys.keys, name="keys"),
    path("me/keys/service/", keys.service_keys, name="service_keys"),
    path("me/keys/<uuid:key_id>/revoke/", keys.revoke, name="key_revoke"),
]
