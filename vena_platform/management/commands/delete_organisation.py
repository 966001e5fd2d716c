from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from tenants.selectors import organisation_by_slug
from vena_platform.removal import RemovalIncomplete, organisation_remove


class Command(BaseCommand):
    help = "Delete an organisation: schema, vectors, files, cache and keys. Prints the receipt."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("organisation", help="the organisation's slug")
        parser.add_argument("--confirm", required=True, help="the slug once more: there is no way back")

    def handle(self, *args: Any, **options: Any) -> None:
        organisation = organisation_by_slug(options["organisation"])
        if organisation is None:
            raise CommandError(f"There is no organisation with the slug {options['organisation']!r}.")
        if options["confirm"] != organisation.slug:
            raise CommandError("Nothing was deleted: --confirm must repeat the slug.")
        try:
            receipt = organisation_remove(organisation)
        except RemovalIncomplete as error:
            raise CommandError(f"{error.text} ({error.detail})") from error
        self.stdout.write(
            json.dumps({"receipt": str(receipt.pk), "removed": receipt.removed, "left": receipt.left}, indent=2)
        )
