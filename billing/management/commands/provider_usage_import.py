"""A provider's own usage or costs, exported by its API or its page, beside the ledger: what differs, and why."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from billing.reconcile.actions import provider_usage_import
from billing.reconcile.matching import costs_of, matches_of
from billing.reconcile.reading import READERS
from vena_platform.errors import VenaError


class Command(BaseCommand):
    help = "Take in a provider's own usage or costs (JSON of its API, or CSV), and compare it with the ledger."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--provider", required=True, choices=sorted(READERS))

    def handle(self, *, file: Path, provider: str, **options: Any) -> None:
        try:
            content = file.read_bytes()
            source = provider_usage_import(provider=provider, content=content, file_name=file.name)
        except OSError as error:
            raise CommandError(f"{file} can't be read: {error.strerror}.") from error
        except VenaError as error:
            raise CommandError(error.text) from error
        self.stdout.write(f"{source.lines} lines from {source.first_day} to {source.last_day}")
        for one in matches_of(provider, source.first_day, source.last_day):
            apart = f"input {one.input_difference:+,}, output {one.output_difference:+,}"
            self.stdout.write(f"{one.day} {one.model}: {apart}. {one.words}")
        for cost in costs_of(provider, source.first_day, source.last_day):
            charged = "unknown" if cost.charged_gbp is None else f"£{cost.charged_gbp:.4f}"
            self.stdout.write(f"{cost.day}: {charged} charged, £{cost.ledger_gbp:.4f} in the ledger")
