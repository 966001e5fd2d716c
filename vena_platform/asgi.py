"""HTTP and WebSockets. A socket passes: same origin → organisation of the host → sign-in → route."""

from __future__ import annotations

import os
import warnings

import django
from django.urls import re_path

from vena_platform.memory import share_one_heap

share_one_heap()
# Static files and originals are read whole, on a thread: bounded by the upload limit.
warnings.filterwarnings("ignore", message="StreamingHttpResponse must consume synchronous iterators")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "vena_platform.settings.local")
django.setup(set_prefix=False)

from channels.routing import ProtocolTypeRouter, URLRouter

from accounts.websockets import SignInSocketMiddleware
from chat.lifespan import lifespan
from chat.routing import websocket_urlpatterns
from tenants.websockets import OrganisationSocketMiddleware, SameOriginMiddleware, nowhere
from vena_platform.later import Handler

sockets = [*websocket_urlpatterns, re_path("", nowhere)]  # type: ignore[arg-type]
application = ProtocolTypeRouter(
    {
        "http": Handler(),
        "websocket": SameOriginMiddleware(OrganisationSocketMiddleware(SignInSocketMiddleware(URLRouter(sockets)))),
        "lifespan": lifespan,
    }
)
