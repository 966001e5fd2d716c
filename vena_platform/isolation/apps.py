from __future__ import annotations

from django.apps import AppConfig


class IsolationConfig(AppConfig):
    name = "vena_platform.isolation"
    label = "isolation"
    verbose_name = "Proof of isolation"
