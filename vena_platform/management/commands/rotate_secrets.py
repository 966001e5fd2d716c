"""After a new key was put in front of VENA_ENCRYPTION_KEYS: every organisation's secrets under that one.

When it reports no unreadable secret, the old key may be taken away.
"""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from knowledge.models import ProviderKey
from tenants.context import entered
from tenants.selectors import kept_organisations
from vena_platform.secrets import SecretUnreadable, resealed


class Command(BaseCommand):
    help = "Encrypts every organisation's stored secrets with the newest of VENA_ENCRYPTION_KEYS."

    def handle(self, *args: Any, **options: Any) -> None:
        done, unreadable = 0, []
        for organisation in kept_organisations():
            with entered(organisation.schema_name):
                for row in ProviderKey.objects.all():
                    try:
                        secret = resealed(organisation.schema_name, row.secret)
                    except SecretUnreadable:
                        unreadable.append(f"{organisation.slug}: {row.provider}")
                        continue
                    # Only if it is still the one that was read: somebody may just have entered another.
                    done += ProviderKey.objects.filter(pk=row.pk, secret=row.secret).update(secret=secret)
        self.stdout.write(f"{done} secrets encrypted with the newest key.")
        if unreadable:
            raise CommandError(f"No key fits these, so they must be entered again: {', '.join(unreadable)}")
