"""What an address that answers as JSON or as events says it speaks."""

from __future__ import annotations

from typing import Any

from rest_framework.renderers import BaseRenderer, JSONRenderer


class EventsRenderer(BaseRenderer):
    """For the Accept header only: events are streamed past DRF. A refusal is JSON, whatever was asked for."""

    media_type = "text/event-stream"
    format = "events"
    charset = None

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> Any:
        if renderer_context and renderer_context.get("response"):
            renderer_context["response"]["Content-Type"] = JSONRenderer.media_type
        return JSONRenderer().render(data, JSONRenderer.media_type, renderer_context)


EventsOrJson = [JSONRenderer, EventsRenderer]
