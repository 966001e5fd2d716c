"""Tests run on the embedded services; sockets reach loopback only, provider keys of the machine are not used."""

from __future__ import annotations

import os
from pathlib import Path

from vena_platform.env import LOOPBACK
from vena_platform.settings.base import *
from vena_platform.settings.base import CACHES, DATABASES, LOGGING, REDIS_URL, STORAGES, VENA_HOME

WORKER = os.environ.get("PYTEST_XDIST_WORKER", "gw0")
VENA_HOME = Path(VENA_HOME) / WORKER
REDIS_URL = f"{REDIS_URL.rpartition('/')[0]}/{int(WORKER.removeprefix('gw')) + 1}"
CACHES["default"]["LOCATION"] = REDIS_URL
CELERY_BROKER_URL = REDIS_URL
VENA_OWN_DOMAINS_RESERVED = True
VENA_HOST_SECONDS = 0.0
VENA_INGESTION_GATHER_SECONDS = 0.0
CELERY_TASK_ALWAYS_EAGER = True
CELERY_TASK_EAGER_PROPAGATES = True

SECRET_KEY = "tests-only-tests-only-tests-only-tests-only-tests-only"
VENA_ENCRYPTION_KEYS = ["dGVzdHMtb25seS10ZXN0cy1vbmx5LXRlc3RzLW9ubHk="]
VENA_PROVIDER_NETWORKS = VENA_IDENTITY_NETWORKS = LOOPBACK
VENA_EVEN_SECONDS = 0.0
VENA_METRICS_TOKEN = ""
VENA_QUESTIONS_PER_MINUTE = VENA_QUESTIONS_PER_MINUTE_ORGANISATION = 1_000_000
VENA_BASE_DOMAIN = "localhost"
VENA_PUBLIC_PORT = "8000"
OPENAI_API_KEY = OPENAI_BASE_URL = ANTHROPIC_API_KEY = ANTHROPIC_BASE_URL = VENA_CHAT_PROVIDER = ""
COHERE_API_KEY = COHERE_BASE_URL = ""
STRIPE_SECRET_KEY = STRIPE_WEBHOOK_SECRET = STRIPE_API_BASE = ""
VENA_EMBEDDINGS = "local"
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = True
STATIC_ROOT = None  # type: ignore[assignment]
MEDIA_ROOT = VENA_HOME / "media"
DATABASES["default"]["OPTIONS"].pop("pool")  # a pool's threads outlive the test database
LOGGING["root"]["level"] = "ERROR"
