from __future__ import annotations

from typing import ClassVar

from vena_platform.errors import VenaError


class ScimError(VenaError):
    """`scim_type` is of RFC 7644, table 9; "" where it has none."""

    scim_type: ClassVar[str] = ""


class InvalidScimToken(ScimError):
    code, status = "invalid_scim_token", 401
    message = "This token is not valid here. It may be revoked, expired or of another organisation."


class NothingThere(ScimError):
    code, status = "scim_not_found", 404
    message = "There is no such person, group or address here."


class AlreadyManaged(ScimError):
    code, status, scim_type = "scim_exists", 409, "uniqueness"
    message = "Somebody or something of this name is managed by the directory already."


class ValueUnfit(ScimError):
    code, status, scim_type = "scim_value", 400, "invalidValue"
    message = "A value does not fit. Check the mapping of attributes in your directory."


class FilterUnfit(ScimError):
    code, status, scim_type = "scim_filter", 400, "invalidFilter"
    message = "This filter can't be answered. Use attributes that Vena keeps, such as userName eq “ada@example.org”."


class NotFilterable(ScimError):
    code, status = "scim_not_filterable", 403
    message = "Resource types and schemas can't be filtered. Ask without a filter."


class NotByDirectory(ScimError):
    code, status, scim_type = "scim_not_yours", 400, "mutability"
    message = "The directory can't change this. Somebody has to do it in Vena."


class TokenNotFound(VenaError):
    code, status = "scim_token_not_found", 404
    message = "There is no such token. Reload the page."
