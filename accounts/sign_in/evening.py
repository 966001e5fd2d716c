"""Answers that take equally long whether somebody is known here or not."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse


def evened(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """A POST is answered after VENA_EVEN_SECONDS at the soonest."""

    @functools.wraps(view)
    def patient(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        until = time.monotonic() + settings.VENA_EVEN_SECONDS
        response = view(request, *args, **kwargs)
        if request.method == "POST":
            time.sleep(max(0.0, until - time.monotonic()))
        return response

    return patient
