from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

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
    abilities = serializers.ListField(child=serializers.CharField())
    organisation = OrganisationOutput()


class MeApi(APIView):
    @extend_schema(responses=MeOutput)
    def get(self, request: Request) -> Response:
        """Who is asking, and what they may do."""
        user = signed_in(request)
        organisation = organisation_of(request._request)
        me = {
            "id": user.pk,
            "email": user.email,
            "name": user.name,
            "role": user.role,
            "abilities": sorted(TABLE[Role(user.role)]),
            "organisation": {"name": organisation.name, "slug": organisation.slug},
        }
        return Response(MeOutput(me).data)
