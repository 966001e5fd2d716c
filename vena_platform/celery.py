from __future__ import annotations

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "vena_platform.settings.local")

app = Celery("vena")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
