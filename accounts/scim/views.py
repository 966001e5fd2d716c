"""The SCIM 2.0 service of an organisation, below /scim/v2/ on its host: for its directory, with a token of its own."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, TypeVar

from django.contrib.auth.models import AnonymousUser
from django.db.models import QuerySet
from rest_framework import authentication, permissions
from rest_framework.parsers import JSONParser
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from scim2_models import BaseModel, Context, ListResponse, PatchOp, Resource

from accounts.audit.facts import note_program
from accounts.authentication import bearer
from accounts.scim import groups, people, reading
from accounts.scim.errors import InvalidScimToken, NotFilterable, NothingThere, ValueUnfit
from accounts.scim.models import ScimToken
from accounts.scim.patches import as_documented
from accounts.scim.refusals import refusal
from accounts.scim.resources import MOST_RESULTS, POLICY, SERVICE, Person, Team
from accounts.scim.tokens import note_use, token_of
from vena_platform.addresses import address_of_request, network_of
from vena_platform.limits import spend

Shape = TypeVar("Shape", bound=BaseModel)
BASE = "/scim/v2/"
A_PAGE = 100


class ScimRenderer(JSONRenderer):
    media_type = "application/scim+json"
    format = "scim"


class ScimParser(JSONParser):
    media_type = "application/scim+json"


class ScimTokenAuthentication(authentication.BaseAuthentication):
    """`request.auth` is the token; nobody is signed in."""

    def authenticate(self, request: Request) -> tuple[AnonymousUser, ScimToken]:
        given = bearer(request.headers.get("Authorization", ""))
        try:
            row = token_of(given or "")
        except InvalidScimToken:
            spend("scim_refused", address=network_of(address_of_request(request.META)))
            raise
        note_program(f"SCIM: {row.name}")
        note_use(row)
        return AnonymousUser(), row

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class HasToken(permissions.BasePermission):
    def has_permission(self, request: Request, view: Any) -> bool:
        return isinstance(request.auth, ScimToken)


class ScimView(APIView):
    authentication_classes = [ScimTokenAuthentication]
    permission_classes = [HasToken]
    renderer_classes = [ScimRenderer, JSONRenderer]
    parser_classes = [ScimParser, JSONParser]
    schema = None

    def get_exception_handler(self) -> Callable[..., Any]:
        return refusal

    def base(self) -> str:
        return str(self.request.build_absolute_uri(BASE))

    def without(self) -> set[str]:
        """Attributes that are not to be answered with."""
        return {word.strip().lower() for word in self.request.query_params.get("excludedAttributes", "").split(",")}

    def listed(self, rows: QuerySet[Any], shown: Callable[[Any], Resource[Any]]) -> Response:
        """One page of RFC 7644, 3.4.2.4: `startIndex` counts from 1."""
        start = max(1, self.number("startIndex", 1))
        count = max(0, min(MOST_RESULTS, self.number("count", A_PAGE)))
        total = rows.order_by().count()
        page = [self.body(shown(row)) for row in rows[start - 1 : start - 1 + count]]
        head = {"totalResults": total, "startIndex": start, "itemsPerPage": len(page)}
        return Response({"schemas": [str(ListResponse.__schema__)], **head, "Resources": page})

    def number(self, name: str, default: int) -> int:
        text = self.request.query_params.get(name, "")
        try:
            return min(int(text), 2**31) if text else default
        except ValueError:
            raise ValueUnfit(f"{name} must be a whole number.") from None

    def body(self, resource: Resource[Any]) -> dict[str, Any]:
        dumped: dict[str, Any] = resource.model_dump(scim_ctx=Context.RESOURCE_QUERY_RESPONSE)
        wanted = {word.strip().lower() for word in self.request.query_params.get("attributes", "").split(",")} - {""}
        return chosen(dumped, wanted, self.without())

    def answer(self, resource: Resource[Any], status: int = 200) -> Response:
        response = Response(self.body(resource), status=status)
        if resource.meta and resource.meta.location:
            response["Location"] = str(resource.meta.location)
        return response


ALWAYS = frozenset({"id", "schemas"})


def chosen(dumped: dict[str, Any], wanted: Collection[str], unwanted: Collection[str]) -> dict[str, Any]:
    """Whole attributes are chosen, also where a part of one is named."""
    heads = {word.rpartition(":")[2].partition(".")[0] for word in wanted}
    kept = {name for name in dumped if (not heads or name.lower() in heads) and name.lower() not in unwanted}
    return {name: value for name, value in dumped.items() if name in kept | ALWAYS}


def posted(model: type[Shape], request: Request, context: Context) -> Shape:
    return model.model_validate(request.data, scim_ctx=context, scim_policy=POLICY)


def patch_posted(model: Any, request: Request) -> PatchOp[Any]:
    body = as_documented(request.data)
    shape: Any = PatchOp[model]
    patch: PatchOp[Any] = shape.model_validate(body, scim_ctx=Context.RESOURCE_PATCH_REQUEST, scim_policy=POLICY)
    return patch


# -- people ---------------------------------------------------------------------------------------


class PeopleScim(ScimView):
    def get(self, request: Request) -> Response:
        rows = reading.with_memberships(reading.people_of_directory(request.query_params.get("filter", "")))
        return self.listed(rows, lambda row: reading.person_resource(row, self.base()))

    def post(self, request: Request) -> Response:
        row = people.person_take(posted(Person, request, Context.RESOURCE_CREATION_REQUEST))
        return self.shown(str(row.pk), 201)

    def shown(self, person_id: str, status: int = 200) -> Response:
        return self.answer(reading.person_resource(reading.person_found(person_id), self.base()), status)


class PersonScim(PeopleScim):
    http_method_names = ["get", "put", "patch", "delete", "head", "options"]  # noqa: RUF012

    def get(self, request: Request, person_id: str) -> Response:  # type: ignore[override]
        return self.shown(person_id)

    def put(self, request: Request, person_id: str) -> Response:
        people.person_replace(person_id, posted(Person, request, Context.RESOURCE_REPLACEMENT_REQUEST))
        return self.shown(person_id)

    def patch(self, request: Request, person_id: str) -> Response:
        people.person_patch(person_id, patch_posted(Person, request))
        return self.shown(person_id)

    def delete(self, request: Request, person_id: str) -> Response:
        people.person_drop(person_id)
        return Response(status=204)


# -- groups ---------------------------------------------------------------------------------------


class GroupsScim(ScimView):
    def get(self, request: Request) -> Response:
        rows = reading.groups_of_directory(request.query_params.get("filter", ""))
        return self.listed(rows if self.are_members_unwanted() else reading.with_members(rows), self.resource)

    def are_members_unwanted(self) -> bool:
        wanted = self.request.query_params.get("attributes", "").lower()
        return "members" in self.without() or (bool(wanted) and "members" not in wanted)

    def resource(self, row: Any) -> Team:
        return reading.group_resource(row, self.base(), without={"members"} if self.are_members_unwanted() else ())

    def post(self, request: Request) -> Response:
        row = groups.group_take(posted(Team, request, Context.RESOURCE_CREATION_REQUEST))
        return self.shown(str(row.pk), 201)

    def shown(self, group_id: str, status: int = 200) -> Response:
        return self.answer(self.resource(reading.group_found(group_id)), status)


class GroupScim(GroupsScim):
    http_method_names = ["get", "put", "patch", "delete", "head", "options"]  # noqa: RUF012

    def get(self, request: Request, group_id: str) -> Response:  # type: ignore[override]
        return self.shown(group_id)

    def put(self, request: Request, group_id: str) -> Response:
        groups.group_replace(group_id, posted(Team, request, Context.RESOURCE_REPLACEMENT_REQUEST))
        return self.shown(group_id)

    def patch(self, request: Request, group_id: str) -> Response:
        """Without the group as an answer: directories add members by the hundred, and ask for none of them."""
        groups.group_patch(group_id, patch_posted(Team, request))
        return Response(status=204)

    def delete(self, request: Request, group_id: str) -> Response:
        groups.group_drop(group_id)
        return Response(status=204)


# -- about the service ----------------------------------------------------------------------------


class ConfigScim(ScimView):
    def get(self, request: Request) -> Response:
        return Response(self.described(SERVICE.config, "ServiceProviderConfig", "ServiceProviderConfig"))

    def described(self, resource: Any, kind: str, place: str) -> dict[str, Any]:
        meta = {"resourceType": kind, "location": f"{self.base()}{place}"}
        return {**resource.model_dump(scim_ctx=Context.RESOURCE_QUERY_RESPONSE), "meta": meta}


class DescriptionsScim(ConfigScim):
    """Resource types or schemas: all, or one by its id."""

    kind, place = "ResourceType", "ResourceTypes"

    def rows(self) -> tuple[Any, ...]:
        return SERVICE.resource_types

    def get(self, request: Request, name: str = "") -> Response:
        if "filter" in request.query_params:  # RFC 7644, section 4
            raise NotFilterable
        shown = [self.described(row, self.kind, f"{self.place}/{row.id}") for row in self.rows()]
        if not name:
            count = len(shown)
            head = {"totalResults": count, "startIndex": 1, "itemsPerPage": count}
            return Response({"schemas": [str(ListResponse.__schema__)], **head, "Resources": shown})
        found = next((one for one in shown if str(one["id"]).lower() == name.lower()), None)
        if found is None:
            raise NothingThere
        return Response(found)


class SchemasScim(DescriptionsScim):
    kind, place = "Schema", "Schemas"

    def rows(self) -> tuple[Any, ...]:
        return SERVICE.schemas


class NothingScim(ScimView):
    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        super().initial(request, *args, **kwargs)
        raise NothingThere
