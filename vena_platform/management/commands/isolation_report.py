"""Proof that organisations are apart, made by trying; and the check that such a proof is genuine."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from knowledge.errors import IndexUnavailable
from knowledge.providers.loops import run_in_loop
from knowledge.providers.registry import vector_index
from vena_platform.isolation.errors import NotGenuine, ProbeFailed
from vena_platform.isolation.models import IsolationReport
from vena_platform.isolation.running import report_make
from vena_platform.isolation.signing import public_keys, verified_by
from vena_platform.isolation.tasks import make_isolation_report

PATIENCE = 600  # seconds, for the server that runs to make it


class Command(BaseCommand):
    help = "Try to get from one scratch organisation into another by every door; write a signed report of it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--output", type=Path, default=settings.VENA_HOME / "isolation", help="the folder for it")
        parser.add_argument("--verify", type=Path, metavar="FILE", help="only say whether this report is genuine")
        parser.add_argument("--key", default="", help="with --verify: the public key that must have signed it")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["verify"]:
            self.verify(options["verify"], [options["key"]] if options["key"] else public_keys())
            return
        try:
            report = report_make() if owns_index() else made_by_server()
        except ProbeFailed as error:
            raise CommandError(f"{error.text} ({error.detail})") from error
        self.write(report, options["output"])

    def verify(self, path: Path, trusted: list[str]) -> None:
        try:
            key = verified_by(path.read_bytes(), trusted)
        except OSError as error:
            raise CommandError(f"{path} can't be read: {error.strerror}.") from error
        except NotGenuine as error:
            raise CommandError(f"{error.text} ({error.detail})") from error
        self.stdout.write(f"Genuine: {path} is as it was signed with the key {key}.")

    def write(self, report: IsolationReport, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for suffix, content in (("json", report.document), ("html", report.page)):
            path = folder / f"isolation-{report.begun_at:%Y-%m-%d-%H%M%S}.{suffix}"
            path.write_text(content)
            self.stdout.write(str(path))
        if not report.is_held:
            raise CommandError("Not everything held: the report says what. Close the platform until it is mended.")
        self.stdout.write("Everything held.")


def owns_index() -> bool:
    """The embedded search index has one owner: while a server runs on this folder, that one must do it."""
    if settings.QDRANT_URL:
        return True
    try:
        run_in_loop(vector_index().check())
    except IndexUnavailable:
        return False
    return True


def made_by_server() -> IsolationReport:
    begun = timezone.now()
    make_isolation_report.delay()
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        made = IsolationReport.objects.filter(begun_at__gte=begun).exclude(finished_at=None).first()
        if made and made.document:
            return made
        if made:
            raise ProbeFailed(detail=made.failure_detail)
        time.sleep(0.5)
    raise ProbeFailed(detail=f"the running server made none within {PATIENCE} seconds")
