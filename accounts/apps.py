from __future__ import annotations

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = "People"

    def ready(self) -> None:
        from accounts.audit import receivers  # noqa: F401  (connects them)
        from accounts.sign_in import tasks  # noqa: F401 - workers learn of them
