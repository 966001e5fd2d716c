from __future__ import annotations

from django.apps import AppConfig

from vena_platform.celery import app as celery_app  # every process that uses Django uses this app for its tasks

__all__ = ["VenaPlatformConfig", "celery_app"]


class VenaPlatformConfig(AppConfig):
    name = "vena_platform"
    verbose_name = "Vena"
