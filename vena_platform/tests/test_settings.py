"""Production refuses to start on a missing value, and passes Django's own deploy checks when all are there."""

from __future__ import annotations

import json
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
    "VENA_ENCRYPTION_KEYS": "bm90IGEgc2VjcmV0LCBidXQgMzIgYnl0ZXMgbG9uZyE=",
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
    "STRIPE_",
    "DJANGO_",
    "PORT",
)


NAMES = "DEBUG SECURE_SSL_REDIRECT SESSION_COOKIE_NAME CSRF_COOKIE_NAME VENA_DEMO VENA_SCHEME EMAIL_USE_TLS".split()
# One Python forks a child for each case: a fresh interpreter each would take a second or more every time.
READER = """
import json, os, sys, traceback
import celery.schedules, django.conf, django.urls

def told(values):
    os.environ.update(values)
    try:
        return str([getattr(django.conf.settings, name) for name in names])
    except Exception as error:
        return "".join(traceback.format_exception_only(error)).strip()

cases, names = json.load(sys.stdin)
for case in cases:
    ours, theirs = os.pipe()
    if os.fork() == 0:
        os.write(theirs, told(case).encode())
        os._exit(0)
    os.close(theirs)
    print(json.dumps(open(ours).read()), flush=True)
    os.wait()
"""


def run(*arguments: str, told: str = "", **values: str) -> subprocess.CompletedProcess[str]:
    """A fresh Python with production settings and these values only. No port that answers is among them."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    environment = {**inherited, "DJANGO_SETTINGS_MODULE": "vena_platform.settings.production", **values}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=settings.BASE_DIR,
        env=environment,
        input=told,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def without(name: str, how: str) -> dict[str, str]:
    return {**GIVEN, name: "  "} if how == "blank" else {key: value for key, value in GIVEN.items() if key != name}


CASES = {
    **{f"{how} {name}": without(name, how) for name in GIVEN for how in ("missing", "blank")},
    "given": GIVEN,
    "stripe": {**GIVEN, "STRIPE_SECRET_KEY": "sk_x", "STRIPE_WEBHOOK_SECRET": "whsec_x"},
    "stripe without webhook": {**GIVEN, "STRIPE_SECRET_KEY": "sk_x", "STRIPE_WEBHOOK_SECRET": " "},
    "stripe without key": {**GIVEN, "STRIPE_WEBHOOK_SECRET": "whsec_x"},
    "short key": {**GIVEN, "VENA_ENCRYPTION_KEYS": "too-short"},
    "opened": {**GIVEN, "DEBUG": "true", "VENA_SCHEME": "http", "VENA_DEMO": "true"},
}
CLOSED = "[False, True, '__Host-vena-session', '__Host-vena-csrf', False, 'https', True]"


@pytest.fixture(scope="module")
def told() -> dict[str, str]:
    """What production settings say in each case: their values, or the refusal."""
    done = run("-c", READER, told=json.dumps([list(CASES.values()), NAMES]))
    assert done.returncode == 0, done.stderr
    return dict(zip(CASES, map(json.loads, done.stdout.splitlines()), strict=True))


@pytest.mark.parametrize("name", sorted(GIVEN))
@pytest.mark.parametrize("how", ["missing", "blank"])
def test_production_refuses_to_start_without(told: dict[str, str], name: str, how: str) -> None:
    assert told[f"{how} {name}"].startswith(f"django.core.exceptions.ImproperlyConfigured: Set {name}: ")


def test_production_refuses_an_encryption_key_that_is_none(told: dict[str, str]) -> None:
    assert "VENA_ENCRYPTION_KEYS takes 32 bytes" in told["short key"]


def test_production_takes_both_secrets_of_stripe_or_none(told: dict[str, str]) -> None:
    refused = "django.core.exceptions.ImproperlyConfigured: Set "
    assert told["stripe"] == CLOSED
    assert told["stripe without webhook"].startswith(f"{refused}STRIPE_WEBHOOK_SECRET: ")
    assert told["stripe without key"].startswith(f"{refused}STRIPE_SECRET_KEY: ")


def test_production_is_closed_by_default(told: dict[str, str]) -> None:
    assert told["given"] == CLOSED


def test_production_can_not_be_opened_by_the_switches_of_development(told: dict[str, str]) -> None:
    assert told["opened"] == CLOSED


def test_production_passes_the_deploy_checks() -> None:
    done = run("manage.py", "check", "--deploy", "--fail-level", "WARNING", **GIVEN)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "System check identified no issues (0 silenced).\n"
