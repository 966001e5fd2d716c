"""Pages in the language and the time zone of whoever looks at them. The API speaks UTC to everybody."""

from __future__ import annotations

import zoneinfo
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation

from accounts.models import User

WITHOUT = ("/api/", "/v1/", "/scim/", "/static/", "/health/", "/metrics")


class PersonalMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith(WITHOUT) or not isinstance(request.user, User):
            return self.get_response(request)
        with timezone.override(zone_of(request.user)), translation.override(language_of(request.user)):
            return self.get_response(request)


def zone_of(user: User) -> zoneinfo.ZoneInfo:
    try:
        return zoneinfo.ZoneInfo(user.time_zone or settings.TIME_ZONE)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):  # the data changes: zones are renamed
        return zoneinfo.ZoneInfo(settings.TIME_ZONE)


def language_of(user: User) -> str:
    return user.language if user.language in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE
