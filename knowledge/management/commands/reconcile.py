from __future__ import annotations

import json
import time
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from knowledge.errors import IndexUnavailable
from knowledge.models import ReconcileReport
from knowledge.reconciling import reconcile
from knowledge.selectors import library_of
from knowledge.tasks import reconcile_organisation
from tenants.context import entered
from tenants.models import Organisation
from tenants.selectors import organisation_by_slug

PATIENCE = 600  # seconds


class Command(BaseCommand):
    help = "Compare an organisation's rows, vectors, files and kept vectors both ways, mend what differs, and report."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("organisation", help="the organisation's slug")

    def handle(self, *args: Any, **options: Any) -> None:
        organisation = organisation_by_slug(options["organisation"])
        if organisation is None:
            raise CommandError(f"There is no organisation with the slug {options['organisation']!r}.")
        with entered(organisation.schema_name):
            report = self.report_of(organisation)
        if report is None:
            raise CommandError("The server did not report within ten minutes; its log says why.")
        figures = {"counted": report.counted, "found": report.found, "repaired": report.repaired}
        self.stdout.write(json.dumps({**figures, "examples": report.examples}, indent=2))

    def report_of(self, organisation: Organisation) -> ReconcileReport | None:
        """Here and now; where the running server owns the embedded index, by that server."""
        try:
            return reconcile(library_of(organisation))
        except IndexUnavailable:
            if not settings.VENA_EMBEDDED:
                raise
        asked_at = timezone.now()
        reconcile_organisation.delay(schema_name=organisation.schema_name)
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if report := ReconcileReport.objects.filter(started_at__gte=asked_at, finished_at__isnull=False).first():
                return report
            time.sleep(0.5)
        return None
