"""What went wrong, as SCIM says it (RFC 7644, 3.12)."""

from __future__ import annotations

import logging
from typing import Any

from django.db import IntegrityError
from pydantic import ValidationError
from rest_framework import exceptions
from rest_framework.response import Response
from scim2_models import Error
from scim2_models.exceptions import SCIMException

from accounts.errors import GroupExists, LastOwner, PersonExists
from vena_platform.errors import VenaError

logger = logging.getLogger(__name__)

TYPES: dict[type[VenaError], str] = {PersonExists: "uniqueness", GroupExists: "uniqueness", LastOwner: "mutability"}
TAKEN = "This userName, externalId, address or name is somebody else's or another group's."


def refusal(error: Exception, context: dict[str, Any]) -> Response | None:
    match error:
        case VenaError():
            logger.info("scim.refused", extra={"code": error.code, "detail": error.detail})
            kind = getattr(error, "scim_type", TYPES.get(type(error), ""))
            return told(error.status, kind, error.text, retry_after=getattr(error, "retry_after", None))
        case SCIMException():
            return told(error.status, error.scim_type, sentence(error.detail))
        case ValidationError():
            first = Error.from_validation_errors(error)[0]
            return told(first.status or 400, first.scim_type or "", sentence(first.detail or ""))
        case IntegrityError():  # two requests at the same time
            return told(409, "uniqueness", TAKEN)
        case exceptions.ParseError():
            return told(400, "invalidSyntax", "The body is no JSON.")
        case exceptions.NotAuthenticated() | exceptions.AuthenticationFailed():
            return told(401, "", "Send a token of this organisation's as `Authorization: Bearer <token>`.")
        case exceptions.APIException():
            return told(error.status_code, "", str(error.detail), retry_after=getattr(error, "wait", None))
    return None


def sentence(text: str) -> str:
    """The library's first line: what follows are addresses of its own documentation."""
    return text.splitlines()[0][:300] if text else "This does not fit."


def told(status: int, kind: str, detail: str, *, retry_after: float | None = None) -> Response:
    body: dict[str, Any] = {"schemas": [str(Error.__schema__)], "status": str(status), "detail": detail}
    response = Response(body | ({"scimType": kind} if kind else {}), status=status)
    if retry_after is not None:
        response["Retry-After"] = str(int(retry_after) + 1)
    if status == 401:
        response["WWW-Authenticate"] = "Bearer"
    return response
