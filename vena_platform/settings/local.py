"""Development and the embedded default: no key, no server, state in `.vena`."""

from __future__ import annotations

from vena_platform import env
from vena_platform.env import LOOPBACK
from vena_platform.secrets import key_from
from vena_platform.settings.base import *
from vena_platform.settings.base import (
    LOGGING,
    STORAGES,
    VENA_ENCRYPTION_KEYS,
    VENA_HOME,
    VENA_IDENTITY_NETWORKS,
    VENA_PROVIDER_NETWORKS,
)

DEBUG = env.flag("DEBUG")
SECRET_KEY = env.text("SECRET_KEY") or env.generated_secret(VENA_HOME / "secret-key")
VENA_ENCRYPTION_KEYS = VENA_ENCRYPTION_KEYS or [key_from(SECRET_KEY)]
VENA_PROVIDER_NETWORKS = [*VENA_PROVIDER_NETWORKS, *LOOPBACK]
VENA_IDENTITY_NETWORKS = [*VENA_IDENTITY_NETWORKS, *LOOPBACK]
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = True  # plain http; browsers themselves allow it for localhost only
VENA_DEMO = True
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG
STATIC_ROOT = None  # type: ignore[assignment]  # files are served from where they are
LOGGING["formatters"]["json"] = {"()": "vena_platform.logging.LineFormatter"}
LOGGING["root"]["level"] = env.text("LOG_LEVEL", "WARNING")
LOGGING["loggers"]["kombu"]["level"] = "ERROR"  # it warns of messages that it keeps for the next start
