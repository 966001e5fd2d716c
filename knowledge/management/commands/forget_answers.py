from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from knowledge.answering.cache_store import forget_answers
from tenants.selectors import organisation_by_slug


class Command(BaseCommand):
    help = "Forget an organisation's cached answers: its next questions are answered anew."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("organisation", help="the organisation's slug")

    def handle(self, *args: Any, **options: Any) -> None:
        organisation = organisation_by_slug(options["organisation"])
        if organisation is None:
            raise CommandError(f"There is no organisation with the slug {options['organisation']!r}.")
        count = forget_answers(organisation.schema_name)
        self.stdout.write(f"{count} cached answers of {organisation.slug} are forgotten.")
