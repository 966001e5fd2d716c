"""Production refuses to start on a missing value, and passes Django's own deploy checks when all are there."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from django.conf import settings

GIVEN = {
    "SECRET_KEY": "f3b8Qm1xZt7vLw0pKc5nRy2sHd9gJe4aUo6iTqBz-EXAMPLE-only",
    "DATABASE_URL": "postgresql://vena:secret@127.0.0.1:1/vena",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "QDRANT_URL": "http://127.0.0.1:1",
    "VENA_BASE_DOMAIN": "vena.example",
    "VENA_MEDIA_ROOT": "/tmp/vena-media",
    "EMAIL_HOST": "mail.example",
    "DEFAULT_FROM_EMAIL": "Vena <no-reply@vena.example>",
}
OURS = (
    "VENA_",
    "OPENAI_",
    "ANTHROPIC_",
    "EMAIL_",
    "QDRANT_",
    "DATABASE_",
    "REDIS_",
    "SECRET",
    "SENTRY",
    "DJANGO_",
    "PORT",
)


def run(*arguments: str, **values: str) -> subprocess.CompletedProcess[str]:
    """A fresh Python with production settings and these values only. No port that answers is among them."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    environment = {**inherited, "DJANGO_SETTINGS_MODULE": "vena_platform.settings.production", **values}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=settings.BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def told(**values: str) -> str:
    """The settings, read by a fresh process: the last line of what it says."""
    names = "DEBUG SECURE_SSL_REDIRECT SESSION_COOKIE_NAME CSRF_COOKIE_NAME VENA_DEMO VENA_SCHEME EMAIL_USE_TLS".split()
    done = run("-c", f"from django.conf import settings as s; print([getattr(s, n) for n in {names}])", **values)
    return (done.stdout + done.stderr).strip().splitlines()[-1]


@pytest.mark.parametrize("name", sorted(GIVEN))
@pytest.mark.parametrize("how", ["missing", "blank"])
def test_production_refuses_to_start_without(name: str, how: str) -> None:
    values = {**GIVEN, name: "  "} if how == "blank" else {key: value for key, value in GIVEN.items() if key != name}
    assert told(**values).startswith(f"django.core.exceptions.ImproperlyConfigured: Set {name}: ")


def test_production_is_closed_by_default() -> None:
    assert told(**GIVEN) == "[False, True, '__Host-vena-session', '__Host-vena-csrf', False, 'https', True]"


def test_production_can_not_be_opened_by_the_switches_of_development() -> None:
    opened = told(**GIVEN, DEBUG="true", VENA_SCHEME="http", VENA_DEMO="true")
    assert opened == "[False, True, '__Host-vena-session', '__Host-vena-csrf', False, 'https', True]"


def test_production_passes_the_deploy_checks() -> None:
    done = run("manage.py", "check", "--deploy", "--fail-level", "WARNING", **GIVEN)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "System check identified no issues (0 silenced).\n"
