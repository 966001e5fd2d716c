from __future__ import annotations

import os

from celery import Celery

from vena_platform.memory import share_one_heap

share_one_heap()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "vena_platform.settings.local")

app = Celery("vena")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
