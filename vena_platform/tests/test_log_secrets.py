"""No secret reaches a log line, wherever in a record it stands."""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

import pytest
from django.conf import settings

from vena_platform.log_secrets import hidden_in_event, redacted
from vena_platform.logging import JsonFormatter, LineFormatter

SECRET = "s3cr3t-4nd-l0ng-en0ugh"
TEXTS = {
    "our key": "refused vena_0a1b2c3d_{}",
    "provider's key": "401 from provider: sk-{}",
    "bearer": "Authorization: Bearer {}",
    "basic": "headers Basic {}",
    "cookie": "cookie sessionid={}; other=1",
    "production cookie": "__Host-vena-session={}",
    "query": "GET /?token={}&x=1",
    "repr": "{{'password': '{}'}}",
    "json": '{{"api_key": "{}"}}',
    "database": "could not connect to postgresql://vena:{}@db:5432/vena",
    "redis": "redis://:{}@cache:6379/0",
    "our setting": "{}",
}


@pytest.fixture
def text(request: pytest.FixtureRequest) -> str:
    secret = settings.SECRET_KEY if request.param == "our setting" else SECRET
    return TEXTS[request.param].format(secret)


def record(message: str, **extra: Any) -> logging.LogRecord:
    made = logging.LogRecord("vena", logging.ERROR, "file.py", 1, message, (), None)
    vars(made).update(extra)
    return made


def lines(made: logging.LogRecord) -> list[str]:
    return [JsonFormatter().format(made), LineFormatter().format(made)]


@pytest.mark.parametrize("text", TEXTS, indirect=True)
@pytest.mark.parametrize("place", ["message", "argument", "extra", "nested", "exception"])
def test_a_secret_is_hidden(text: str, place: str) -> None:
    match place:
        case "message":
            made = record(text)
        case "argument":
            made = record("happened: %s")
            made.args = (text,)
        case "extra":
            made = record("happened", detail=text)
        case "nested":
            made = record("happened", detail={"inner": [text]})
        case _:
            try:
                raise RuntimeError(text)
            except RuntimeError:
                made = record("happened")
                made.exc_info = sys.exc_info()
    for line in lines(made):
        assert SECRET not in line
        assert settings.SECRET_KEY not in line
        assert "[secret]" in line
    assert json.loads(lines(made)[0])["level"] == "error"


@pytest.mark.parametrize(
    "text",
    [
        "document.ingested document=6f0d6b6e-2f0a-4c53-8a0e-0f6f5a5d9a11 chunks=12",
        "GET https://example.org/a:b?page=2 took 12 ms",
        "tokens=12345678 input_tokens: 99999999",
        "password was changed",
        "the bearer of good news",
        "http://acme.localhost:8000/documents/",
    ],
)
def test_the_rest_stays(text: str) -> None:
    assert redacted(text) == text


def test_sentry_is_told_none() -> None:
    event = {"exception": {"values": [{"value": f"Bearer {SECRET}"}]}, "level": "error", "count": 3, "none": None}
    told = hidden_in_event(event, {})
    assert SECRET not in str(told)
    assert (told["level"], told["count"], told["none"]) == ("error", 3, None)


def test_every_handler_of_ours_hides_them() -> None:
    for formatter in settings.LOGGING["formatters"].values():
        assert formatter["()"] in {"vena_platform.logging.JsonFormatter", "vena_platform.logging.LineFormatter"}
    assert all("formatter" in handler for handler in settings.LOGGING["handlers"].values())
