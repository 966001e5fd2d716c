"""HTTP and WebSockets. A socket passes: same origin → organisation of the host → sign-in → route."""

from __future__ import annotations

import os
import warnings

from django.core.asgi import get_asgi_application
from django.urls import re_path

# Static files and originals are read whole, on a thread: bounded by the upload limit.
warnings.filterwarnings("ignore", message="StreamingHttpResponse must consume synchronous iterators")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "vena_platform.settings.local")
http = get_asgi_application()

from channels.routing import ProtocolTypeRouter, URLRouter

from accounts.websockets import SignInSocketMiddleware
from chat.lifespan import lifespan
from chat.routing import websocket_urlpatterns
from tenants.websockets import OrganisationSocketMiddleware, SameOriginMiddleware, nowhere

sockets = [*websocket_urlpatterns, re_path("", nowhere)]  # type: ignore[arg-type]
application = ProtocolTypeRouter(
    {
        "http": http,
        "websocket": SameOriginMiddleware(OrganisationSocketMiddleware(SignInSocketMiddleware(URLRouter(sockets)))),
        "lifespan": lifespan,
    }
)
