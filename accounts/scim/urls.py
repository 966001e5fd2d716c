from __future__ import annotations

from django.urls import path, re_path

from accounts.scim import views

urlpatterns = [
    path("Users", views.PeopleScim.as_view()),
    path("Users/<str:person_id>", views.PersonScim.as_view()),
    path("Groups", views.GroupsScim.as_view()),
    path("Groups/<str:group_id>", views.GroupScim.as_view()),
    path("ServiceProviderConfig", views.ConfigScim.as_view()),
    path("ResourceTypes", views.DescriptionsScim.as_view()),
    path("ResourceTypes/<str:name>", views.DescriptionsScim.as_view()),
    path("Schemas", views.SchemasScim.as_view()),
    path("Schemas/<str:name>", views.SchemasScim.as_view()),
    re_path(r"^.*\Z", views.NothingScim.as_view()),
]
