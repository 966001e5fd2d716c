from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from knowledge.moving import move_vectors
from knowledge.providers.loops import run_in_loop
from knowledge.types import Placement
from tenants.selectors import organisation_by_slug


class Command(BaseCommand):
    help = "Move an organisation's vectors to a collection of its own (dedicated) or to the shared one (shared)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("organisation", help="the organisation's slug")
        parser.add_argument("placement", choices=[placement.value for placement in Placement])

    def handle(self, *args: Any, **options: Any) -> None:
        organisation = organisation_by_slug(options["organisation"])
        if organisation is None:
            raise CommandError(f"There is no organisation with the slug {options['organisation']!r}.")
        moved = run_in_loop(move_vectors(organisation, Placement(options["placement"])))
        self.stdout.write(f"{moved} vectors moved.")
