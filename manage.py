#!/usr/bin/env python
"""Django's command line. With local settings and no DATABASE_URL it brings the embedded services with it."""

from __future__ import annotations

import os
import sys

WITHOUT_SERVICES = {"help", "version", "--help", "--version", "makemessages", "compilemessages", "collectstatic"}


def main() -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "vena_platform.settings.local")
    from django.core.management import execute_from_command_line

    from vena_platform import embedded

    command = sys.argv[1] if len(sys.argv) > 1 else "help"
    if command in WITHOUT_SERVICES or not embedded.wanted():
        execute_from_command_line(sys.argv)
        return 0
    embedded.stop_on_signals()
    try:
        with embedded.services(owner=command == "serve"):
            execute_from_command_line(sys.argv)
    except embedded.EmbeddedError as error:
        sys.stderr.write(f"\nVena can't start: {error}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    if command == "serve":
        leave_at_once()
    return 0


def leave_at_once() -> None:
    """Everything is stored and stopped. Python would still wait for threads that sit in a long document."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
