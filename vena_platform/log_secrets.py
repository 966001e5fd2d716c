"""What is, or looks like, a secret, taken out of log lines and of what Sentry is told."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from django.conf import settings

SECRET = "[secret]"  # noqa: S105
# What secrets look like: our API keys, providers' keys, what a header or cookie carries, a password inside an address.
SHAPES = re.compile(
    r"(?P<before>\bBasic |\bBearer |\b(?:session|sessionid|csrftoken|vena-session|vena-csrf|password|secret|token|"
    r"api_?key|authorization)(?:\\?[\"'])?\s?[=:]\s?(?:\\?[\"'])?)(?P<value>(?!Bearer |Basic )[^\s\"'&;,\\]{6,})"
    r"|\bvena_[0-9a-f]{8}_[A-Za-z0-9_-]{8,}|\b(?:sk|pk|co)-[A-Za-z0-9_-]{16,}"
    r"|\b(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{8,}|\bwhsec_[A-Za-z0-9+/=_-]{8,}|\b(?:pi|seti)_[A-Za-z0-9]+_secret_\w+"
    r"|(?P<scheme>[a-z][a-z0-9+]{1,20}://[^\s:/@\"']{0,80}):(?P<password>[^\s@\"']{1,200})@",
    re.IGNORECASE,
)
OURS = (
    *("SECRET_KEY", "OPENAI_API_KEY", "ANTHROPIC_API_KEY", "COHERE_API_KEY", "QDRANT_API_KEY", "VENA_METRICS_TOKEN"),
    *("STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET", "CLOUDFLARE_API_TOKEN"),
)
LEAST_SECRET = 8  # characters; a shorter one would hide ordinary words


def redacted(text: str) -> str:
    """Without what is, or looks like, a secret. The last thing that is done to a line, exceptions included."""
    for secret in our_secrets():
        text = text.replace(secret, SECRET)
    return SHAPES.sub(hidden, text)


def hidden(found: re.Match[str]) -> str:
    if found["scheme"]:
        return f"{found['scheme']}:{SECRET}@"
    return f"{found['before'] or ''}{SECRET}"


@cache
def our_secrets() -> tuple[str, ...]:
    """The values of our own settings, whatever they look like."""
    values = [str(getattr(settings, name, "")) for name in (*OURS, "EMAIL_HOST_PASSWORD")]
    return tuple(value for value in [*values, *settings.VENA_ENCRYPTION_KEYS] if len(value) >= LEAST_SECRET)


def hidden_in_event(event: Any, hint: Any = None) -> Any:
    """Every text of an event for Sentry, whatever it stands in."""
    match event:
        case str():
            return redacted(event)
        case dict():
            return {name: hidden_in_event(value) for name, value in event.items()}
        case list() | tuple():
            return [hidden_in_event(value) for value in event]
    return event
