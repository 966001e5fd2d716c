from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.audit.chain import chain_verify
from accounts.audit.tasks import told
from tenants.context import PUBLIC, entered
from tenants.selectors import organisation_by_slug


class Command(BaseCommand):
    help = "Verify an organisation's audit log, row by row; `public` is the platform's own. Fails when it is not whole."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("organisation", help="the organisation's slug, or public")

    def handle(self, *args: Any, **options: Any) -> None:
        slug = options["organisation"]
        organisation = organisation_by_slug(slug)
        if organisation is None and slug != PUBLIC:
            raise CommandError(f"There is no organisation with the slug {slug!r}.")
        with entered(organisation.schema_name if organisation else PUBLIC):
            verdict = chain_verify()
        if not verdict.is_whole:
            raise CommandError("The audit log is not whole.\n" + "\n".join(told(verdict)))
        self.stdout.write(
            f"The audit log is whole: {verdict.rows} entries, {verdict.first} to {verdict.last}, "
            f"{verdict.erased} without names.\nhead {verdict.last} {verdict.head}"
        )
