"""Failures in the shape that OpenAI's clients understand: {"error": {"message", "type", "param", "code"}}."""

from __future__ import annotations

import logging
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from rest_framework import exceptions
from rest_framework.response import Response

from vena_platform.errors import VenaError
from vena_platform.later import Body

logger = logging.getLogger(__name__)

TYPES = {
    401: "authentication_error",
    402: "insufficient_quota",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
}


class InvalidRequest(VenaError):
    """`param` names what is wrong in the request's body."""

    code, status = "invalid_request", 400
    message = "This request could not be understood."

    def __init__(self, message: str, param: str) -> None:
        super().__init__(message)
        self.param = param


class ModelNotFound(VenaError):
    code, status = "model_not_found", 404
    message = "There is no such model here. GET /v1/models lists those there are."


def shaped(message: str, status: int, code: str, param: str | None = None) -> dict[str, Any]:
    kind = TYPES.get(status) or ("server_error" if status >= 500 else "invalid_request_error")
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def refused(error: VenaError) -> Body:
    body = shaped(error.text, error.status, error.code, getattr(error, "param", None))
    return Body(body, error.status)


def handle(error: Exception, context: dict[str, Any]) -> Response | None:
    match error:
        case VenaError():
            logger.info("openai_api.refused", extra={"code": error.code, "detail": error.detail})
            body = refused(error)
            return answer(body.data, body.status, wait=getattr(error, "retry_after", None))
        case Http404():
            return answer(shaped("There is no such address.", 404, "not_found"), 404)
        case PermissionDenied():
            return answer(shaped("You may not do this.", 403, "not_allowed"), 403)
        case exceptions.APIException():
            body_of = shaped(str(error.detail), error.status_code, str(error.default_code))
            return answer(body_of, error.status_code, wait=getattr(error, "wait", None))
    return None


def answer(data: dict[str, Any], status: int, wait: float | None = None) -> Response:
    response = Response(data, status=status)
    if status == 401:
        response["WWW-Authenticate"] = "Bearer"
    if wait:
        response["Retry-After"] = str(int(wait))
    return response
