"""People and groups as SCIM speaks of them (RFC 7643), as far as Vena keeps them; and what this server can do.

Attributes of the standard that are not here are taken and forgotten, so that no directory has to be told to leave them
out. Knows no rows: `reading` makes these from rows, `people` and `groups` write what became of them.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field
from scim2_models import (
    URN,
    AuthenticationScheme,
    Bulk,
    CaseExact,
    ChangePassword,
    ComplexAttribute,
    ETag,
    Filter,
    Mutability,
    Patch,
    Required,
    Resource,
    ResourceType,
    ScimPolicy,
    ScimProvider,
    ServiceProviderConfig,
    Sort,
    Uniqueness,
)

MOST_RESULTS = 200  # resources on one page


class Name(ComplexAttribute):
    formatted: str | None = None
    given_name: str | None = None
    family_name: str | None = None


class Email(ComplexAttribute):
    value: str | None = None  # not EmailStr: that one refuses domains which a company may well use inside
    type: str | None = None
    primary: bool | None = None
    display: str | None = None


class GivenRole(ComplexAttribute):
    value: str | None = None
    type: str | None = None
    primary: bool | None = None
    display: str | None = None


class Membership(ComplexAttribute):
    value: Annotated[str | None, Mutability.read_only, CaseExact.true] = None
    display: Annotated[str | None, Mutability.read_only] = None


class Person(Resource[Any]):
    __schema__ = URN("urn:ietf:params:scim:schemas:core:2.0:User")

    user_name: Annotated[str | None, Required.true, Uniqueness.server] = None
    name: Name | None = None
    display_name: str | None = None
    active: bool | None = None
    emails: list[Email] | None = None
    roles: list[GivenRole] | None = None
    groups: Annotated[list[Membership] | None, Mutability.read_only] = None


class Member(ComplexAttribute):
    value: Annotated[str | None, Mutability.immutable, CaseExact.true] = None
    type: Annotated[str | None, Mutability.immutable] = None
    ref: Annotated[str | None, Mutability.immutable] = Field(None, serialization_alias="$ref", validation_alias="$ref")
    display: str | None = None


class Team(Resource[Any]):
    __schema__ = URN("urn:ietf:params:scim:schemas:core:2.0:Group")

    display_name: Annotated[str | None, Required.true] = None
    members: list[Member] | None = None


# What Okta and Entra send beside the standard: attributes we do not keep, `remove` with a value, and filters in paths
# that match nothing yet.
POLICY = ScimPolicy(
    unknown=ScimPolicy.Unknown.ignore,
    remove_value_as_filter=ScimPolicy.RemoveValue.apply,
    unmatched_path_filter=ScimPolicy.UnmatchedPathFilter.create,
)
CONFIG = ServiceProviderConfig(
    patch=Patch(supported=True),
    bulk=Bulk(supported=False, max_operations=0, max_payload_size=0),
    filter=Filter(supported=True, max_results=MOST_RESULTS),
    change_password=ChangePassword(supported=False),
    sort=Sort(supported=False),
    etag=ETag(supported=False),
    authentication_schemes=[
        AuthenticationScheme(
            type=AuthenticationScheme.Type.oauthbearertoken,
            name="Bearer token",
            description="A token that an owner makes on the page How people sign in.",
            primary=True,
        )
    ],
)
TYPES = tuple(
    ResourceType.model_validate({"id": name, "name": name, "endpoint": place, "schema": str(model.__schema__)})
    for name, place, model in (("User", "/Users", Person), ("Group", "/Groups", Team))
)
SERVICE = ScimProvider(models=[Person, Team], resource_types=TYPES, config=CONFIG, policy=POLICY)
