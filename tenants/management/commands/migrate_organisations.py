from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from tenants.schemas import migrate_everything


class Command(BaseCommand):
    help = "Migrate the public schema, the template and every organisation that is behind. Safe to repeat."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--jobs", type=int, default=4, help="organisations migrated at once (default 4)")

    def handle(self, *args: Any, **options: Any) -> None:
        report = migrate_everything(jobs=options["jobs"], tell=self.stdout.write)
        self.stdout.write(f"{report.current} up to date, {len(report.migrated)} migrated, {len(report.failed)} failed.")
        if report.failed:
            lines = [f"{schema}: {why}" for schema, why in report.failed.items()]
            raise CommandError("These organisations are still behind; run this again:\n" + "\n".join(lines))
