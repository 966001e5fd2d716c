"""REST: the end of a person, which reaches what they wrote in the chat."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.people.api import PeopleView, PersonApi
from accounts.people.selectors import person_visible_to
from accounts.selectors import signed_in
from accounts.sign_in.freshness import require_fresh_sign_in
from chat.leavers import content_hand_over, person_remove
from tenants.selectors import organisation_of


class HandOverInput(serializers.Serializer[Any]):
    to = serializers.UUIDField(help_text="The person who gets it")


class HandOverOutput(serializers.Serializer[Any]):
    conversations = serializers.IntegerField()
    documents = serializers.IntegerField()


class WholePersonApi(PersonApi):
    @extend_schema(operation_id="people_delete", responses={204: None})
    def delete(self, request: Request, person_id: UUID) -> Response:
        """With all their conversations; hand over first what is shared. What they spent stays in the usage report."""
        user = signed_in(request)
        person_remove(tenant=organisation_of(request._request).key, person=person_visible_to(user, person_id), by=user)
        return Response(status=204)


class HandOverApi(PeopleView):
    @extend_schema(operation_id="people_hand_over", request=HandOverInput, responses=HandOverOutput)
    def post(self, request: Request, person_id: UUID) -> Response:
        """Give the conversations they share, whose links go on working, and their documents to a colleague."""
        user = signed_in(request)
        form = HandOverInput(data=request.data)
        form.is_valid(raise_exception=True)
        require_fresh_sign_in(request._request)
        leaver, heir = person_visible_to(user, person_id), person_visible_to(user, form.validated_data["to"])
        return Response(HandOverOutput(content_hand_over(leaver=leaver, heir=heir, by=user)).data)
