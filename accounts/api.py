from __future__ import annotations

from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import User
from accounts.people.profile import profile_change, time_zones
from accounts.permissions import TABLE, Role
from accounts.selectors import signed_in
from tenants.selectors import organisation_of


class OrganisationOutput(serializers.Serializer[Any]):
    name = serializers.CharField()
    slug = serializers.CharField()


class MeOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    email = serializers.EmailField()
    name = serializers.CharField()
    role = serializers.ChoiceField(choices=Role.choices)
    language = serializers.CharField()
    time_zone = serializers.CharField()
    theme = serializers.ChoiceField(choices=User.Theme.choices)
    abilities = serializers.ListField(child=serializers.CharField())
    organisation = OrganisationOutput()


class MeChange(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=120, required=False)
    language = serializers.ChoiceField(choices=settings.LANGUAGES, required=False)
    time_zone = serializers.CharField(max_length=64, required=False, help_text="As in the IANA data: Europe/London")
    theme = serializers.ChoiceField(choices=User.Theme.choices, required=False)

    def validate_time_zone(self, name: str) -> str:
        if name not in time_zones():
            raise serializers.ValidationError("There is no such time zone. Give one such as Europe/London.")
        return name


class MeApi(APIView):
    @extend_schema(operation_id="me_retrieve", responses=MeOutput)
    def get(self, request: Request) -> Response:
        """Who is asking, and what they may do."""
        return self.shown(request, signed_in(request))

    @extend_schema(operation_id="me_change", request=MeChange, responses=MeOutput)
    def patch(self, request: Request) -> Response:
        """Your name, and how the pages look and count time for you."""
        form = MeChange(data=request.data)
        form.is_valid(raise_exception=True)
        return self.shown(request, profile_change(person=signed_in(request), **form.validated_data))

    def shown(self, request: Request, user: User) -> Response:
        organisation = organisation_of(request._request)
        me = {
            "id": user.pk,
            "email": user.email,
            "name": user.name,
            "role": user.role,
            "language": user.language or settings.LANGUAGE_CODE,
            "time_zone": user.time_zone or settings.TIME_ZONE,
            "theme": user.theme,
            "abilities": sorted(TABLE[Role(user.role)]),
            "organisation": {"name": organisation.name, "slug": organisation.slug},
        }
        return Response(MeOutput(me).data)
