from __future__ import annotations

from vena_platform.errors import VenaError


class NotSignedIn(VenaError):
    code, status = "not_signed_in", 401
    message = "Sign in, or send an API key as `Authorization: Bearer <key>`."


class InvalidApiKey(VenaError):
    code, status = "invalid_api_key", 401
    message = "This API key is not valid here. It may be revoked, expired or of another organisation."


class NotAllowed(VenaError):
    code, status = "not_allowed", 403
    message = "Your role does not allow this. Ask an administrator of your organisation."


class PersonNotFound(VenaError):
    code, status = "person_not_found", 404
    message = "There is no person with this e-mail address in this organisation."
