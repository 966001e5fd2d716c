"""REST: people, invitations and groups. For those who manage people, signed in; no API key opens it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.errors import InvitationNotFound, ListTooLong
from accounts.invitations import actions as invitations
from accounts.invitations.csv_files import MAX_BYTES, read_people
from accounts.models import Group, Invitation, User
from accounts.people.actions import group_change, group_create, group_delete, person_change
from accounts.people.selectors import group_visible_to, groups_visible_to, people_visible_to, person_visible_to
from accounts.permissions import Can, Role
from accounts.selectors import require, signed_in
from accounts.sign_in.freshness import require_fresh_sign_in
from tenants.selectors import organisation_of
from vena_platform.idempotency import once
from vena_platform.pagination import NewestFirst, page_of

PAGING = [OpenApiParameter("cursor", str), OpenApiParameter("page_size", int)]
MOST = 10_000


class IdsField(serializers.ListField):
    child = serializers.UUIDField()


class NamedOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()


class PersonOutput(serializers.ModelSerializer[User]):
    groups = NamedOutput(source="member_of", many=True, read_only=True)

    class Meta:
        model = User
        fields = ("id", "email", "name", "role", "is_active", "groups", "date_joined", "last_login")


class PersonChange(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=120, required=False, allow_blank=True)
    role = serializers.ChoiceField(choices=Role.choices, required=False)
    is_active = serializers.BooleanField(required=False)
    groups = IdsField(required=False, max_length=MOST, help_text="Ids of all groups they are to be in")


class InvitationOutput(serializers.ModelSerializer[Invitation]):
    groups = NamedOutput(many=True, read_only=True)
    is_expired = serializers.BooleanField()

    class Meta:
        model = Invitation
        fields = (
            "id",
            "email",
            "name",
            "role",
            "groups",
            "source",
            "invited_by_label",
            "created_at",
            "sent_at",
            "times_sent",
            "sending_failed",
            "expires_at",
            "is_expired",
        )


class InvitationInput(serializers.Serializer[Any]):
    email = serializers.EmailField(max_length=254)
    name = serializers.CharField(max_length=120, required=False, allow_blank=True, default="")
    role = serializers.ChoiceField(choices=Role.choices, required=False, default=Role.MEMBER)
    groups = IdsField(required=False, max_length=MOST, default=list, help_text="Ids of groups they are to be in")


class InvitationListInput(serializers.Serializer[Any]):
    file = serializers.FileField(help_text="CSV; its first line names the columns: email, name, role, groups")


class LineProblemOutput(serializers.Serializer[Any]):
    line = serializers.IntegerField(source="number")
    reason = serializers.CharField()


class InvitationListOutput(serializers.Serializer[Any]):
    invited = serializers.IntegerField(help_text="All of them, or 0 if any line has a problem")
    problems = LineProblemOutput(many=True)


class GroupOutput(serializers.ModelSerializer[Group]):
    members = serializers.PrimaryKeyRelatedField[Any](many=True, read_only=True)

    class Meta:
        model = Group
        fields = ("id", "name", "cost_centre", "members", "created_at")


class GroupInput(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=120)
    cost_centre = serializers.CharField(max_length=60, required=False, allow_blank=True, default="")
    members = IdsField(required=False, max_length=MOST, default=list, help_text="Ids of people")


class GroupChange(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=120, required=False)
    cost_centre = serializers.CharField(max_length=60, required=False, allow_blank=True)
    members = IdsField(required=False, max_length=MOST, help_text="Ids of all who are to be in it")


class ByJoining(NewestFirst):
    ordering = ("-date_joined", "-id")


class PeopleView(APIView):
    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        super().initial(request, *args, **kwargs)
        require(signed_in(request), Can.MANAGE_PEOPLE)


class PeopleApi(PeopleView):
    @extend_schema(
        operation_id="people_list",
        parameters=[
            OpenApiParameter("q", str, description="Words of name or e-mail address"),
            OpenApiParameter("role", str, enum=Role.values),
            OpenApiParameter("state", str, enum=["active", "deactivated"]),
            OpenApiParameter("group", UUID),
            *PAGING,
        ],
        responses=page_of(PersonOutput),
    )
    def get(self, request: Request) -> Response:
        pages = ByJoining()
        rows = pages.paginate_queryset(people_visible_to(signed_in(request), request.query_params), request, self)
        return pages.get_paginated_response(PersonOutput(rows, many=True).data)


class PersonApi(PeopleView):
    @extend_schema(operation_id="people_retrieve", responses=PersonOutput)
    def get(self, request: Request, person_id: UUID) -> Response:
        return Response(PersonOutput(person_visible_to(signed_in(request), person_id)).data)

    @extend_schema(operation_id="people_change", request=PersonChange, responses=PersonOutput)
    def patch(self, request: Request, person_id: UUID) -> Response:
        """Name, role, groups, and whether they may sign in. The last active owner stays one (`last_owner`)."""
        user = signed_in(request)
        row = person_visible_to(user, person_id)
        require_fresh_sign_in(request._request)
        form = PersonChange(data=request.data)
        form.is_valid(raise_exception=True)
        person_change(person=row, by=user, **form.validated_data)
        return Response(PersonOutput(person_visible_to(user, person_id)).data)


class InvitationsApi(PeopleView):
    @extend_schema(operation_id="invitations_list", parameters=PAGING, responses=page_of(InvitationOutput))
    def get(self, request: Request) -> Response:
        """Those that are open, also when they have expired: these can be sent again."""
        pages = NewestFirst()
        rows = open_invitations().prefetch_related("groups")
        page: Any = pages.paginate_queryset(rows, request, self)
        return pages.get_paginated_response(InvitationOutput(page, many=True).data)

    @extend_schema(operation_id="invitations_create", request=InvitationInput, responses={201: InvitationOutput})
    def post(self, request: Request) -> Response:
        """Send a link that works once, within seven days."""
        form = InvitationInput(data=request.data)
        form.is_valid(raise_exception=True)

        def make() -> Response:
            row = invitations.invitation_make(
                schema_name=schema_of(request), by=signed_in(request), **form.validated_data
            )
            return Response(InvitationOutput(row).data, status=201)

        return once(request, make)


class InvitationListApi(PeopleView):
    parser_classes = [MultiPartParser]

    @extend_schema(
        operation_id="invitations_import",
        request=InvitationListInput,
        responses={201: InvitationListOutput, 400: InvitationListOutput},
    )
    def post(self, request: Request) -> Response:
        """Invite everybody on a list. If any line has a problem nobody is invited, and each problem is told."""
        form = InvitationListInput(data=request.data)
        form.is_valid(raise_exception=True)
        file = form.validated_data["file"]
        if file.size > MAX_BYTES:
            raise ListTooLong
        people = read_people(file.read())
        problems = invitations.invitations_make(schema_name=schema_of(request), by=signed_in(request), people=people)
        body = {"invited": 0 if problems else len(people.lines), "problems": problems}
        return Response(InvitationListOutput(body).data, status=400 if problems else 201)


class InvitationApi(PeopleView):
    @extend_schema(operation_id="invitations_revoke", responses={204: None})
    def delete(self, request: Request, invitation_id: UUID) -> Response:
        """Its link works no more."""
        invitations.invitation_revoke(invitation_of(invitation_id))
        return Response(status=204)


class InvitationResendApi(PeopleView):
    @extend_schema(operation_id="invitations_resend", request=None, responses=InvitationOutput)
    def post(self, request: Request, invitation_id: UUID) -> Response:
        """Another letter with another link, valid for seven days; the link before works no more."""
        row = invitations.invitation_resend(schema_name=schema_of(request), invitation=invitation_of(invitation_id))
        return Response(InvitationOutput(row).data)


def open_invitations() -> Any:
    return Invitation.objects.filter(accepted_at=None, revoked_at=None)


def invitation_of(invitation_id: UUID) -> Invitation:
    row = Invitation.objects.filter(pk=invitation_id).first()
    if row is None:
        raise InvitationNotFound
    return row


class GroupsApi(PeopleView):
    @extend_schema(operation_id="groups_list", parameters=PAGING, responses=page_of(GroupOutput))
    def get(self, request: Request) -> Response:
        pages = NewestFirst()
        rows = groups_visible_to(signed_in(request)).prefetch_related("members")
        page = pages.paginate_queryset(rows, request, self)
        return pages.get_paginated_response(GroupOutput(page, many=True).data)

    @extend_schema(operation_id="groups_create", request=GroupInput, responses={201: GroupOutput})
    def post(self, request: Request) -> Response:
        form = GroupInput(data=request.data)
        form.is_valid(raise_exception=True)
        return once(request, lambda: Response(GroupOutput(group_create(**form.validated_data)).data, status=201))


class GroupApi(PeopleView):
    @extend_schema(operation_id="groups_retrieve", responses=GroupOutput)
    def get(self, request: Request, group_id: UUID) -> Response:
        return Response(GroupOutput(group_visible_to(signed_in(request), group_id)).data)

    @extend_schema(operation_id="groups_change", request=GroupChange, responses=GroupOutput)
    def patch(self, request: Request, group_id: UUID) -> Response:
        """What its members may read changes with it, from their next question on."""
        row = group_visible_to(signed_in(request), group_id)
        form = GroupChange(data=request.data)
        form.is_valid(raise_exception=True)
        return Response(GroupOutput(group_change(group=row, **form.validated_data)).data)

    @extend_schema(operation_id="groups_delete", responses={204: None})
    def delete(self, request: Request, group_id: UUID) -> Response:
        group_delete(group=group_visible_to(signed_in(request), group_id))
        return Response(status=204)


def schema_of(request: Request) -> str:
    return str(organisation_of(request._request).schema_name)
