from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.actions import api_key_issue
from accounts.scopes import EVERY
from accounts.selectors import person_by_email
from tenants.context import entered
from tenants.selectors import organisation_by_slug
from vena_platform.errors import VenaError


class Command(BaseCommand):
    help = "Make an API key for a person of an organisation and print it, alone, on stdout."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("organisation", help="the organisation's slug")
        parser.add_argument("email", help="the person's e-mail address")
        parser.add_argument("--name", default="command line", help="how the key is listed")
        parser.add_argument(
            "--scopes",
            nargs="+",
            choices=EVERY,
            default=list(EVERY),
            help="what it is for; if left out, everything",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        organisation = organisation_by_slug(options["organisation"])
        if organisation is None:
            raise CommandError(f"There is no organisation with the slug {options['organisation']!r}.")
        with entered(organisation.schema_name):
            try:
                user = person_by_email(options["email"])
            except VenaError as error:
                raise CommandError(error.text) from error
            self.stdout.write(api_key_issue(user=user, name=options["name"], scopes=options["scopes"]))
