from __future__ import annotations

from vena_platform.errors import VenaError


class SlugTaken(VenaError):
    code, status = "slug_taken", 409
    message = "This address is already in use. Choose another one."


class OrganisationNotFound(VenaError):
    code, status = "organisation_not_found", 404
    message = "There is no organisation at this address."


class OrganisationSuspended(VenaError):
    code, status = "organisation_suspended", 403
    message = "This organisation is suspended. Ask its owner or the platform's support."


class OrganisationNotReady(VenaError):
    code, status, retryable = "organisation_not_ready", 503, True
    message = "This organisation is still being prepared. Try again in a few seconds."
