"""The one place where a failure becomes an HTTP answer: {"code", "detail", "fields"?}."""

from __future__ import annotations

import logging
import math
from typing import Any

from django.core.exceptions import PermissionDenied
from django.core.exceptions import ValidationError as ModelValidationError
from django.http import Http404
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import exception_handler

from vena_platform.errors import VenaError

logger = logging.getLogger(__name__)


def handle(error: Exception, context: dict[str, Any]) -> Response | None:
    match error:
        case VenaError():
            logger.info("api.refused", extra={"code": error.code, "detail": error.detail})
            return answer(error.code, error.text, error.status, retry_after=getattr(error, "retry_after", None))
        case ModelValidationError():
            return handle(
                exceptions.ValidationError(error.message_dict if hasattr(error, "error_dict") else error.messages),
                context,
            )
        case exceptions.ValidationError():
            return invalid(error)
        case Http404():
            return answer("not_found", "There is nothing here.", 404)
        case PermissionDenied():
            return answer("not_allowed", "You may not do this.", 403)
    response = exception_handler(error, context)
    if response is not None and isinstance(error, exceptions.APIException):
        code = str(error.default_code)
        detail = str(error.detail) if not isinstance(error.detail, (list, dict)) else error.default_detail
        response.data = {"code": code, "detail": str(detail)}
    return response


def invalid(error: exceptions.ValidationError) -> Response:
    fields = error.detail if isinstance(error.detail, dict) else {"non_field_errors": error.detail}
    first = next(iter(fields.values()), "")
    sentence = str(first[0]) if isinstance(first, list) and first else str(first)
    return Response({"code": "invalid", "detail": sentence, "fields": fields}, status=400)


def answer(code: str, detail: str, status: int, *, retry_after: float | None = None) -> Response:
    response = Response({"code": code, "detail": detail}, status=status)
    if retry_after is not None:
        response["Retry-After"] = str(math.ceil(retry_after))
    if status == 401:
        response["WWW-Authenticate"] = "Bearer"
    return response
