"""Development e-mail: on the terminal and as a file, so that a link can be followed."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from django.core.mail import EmailMessage
from django.core.mail.backends.filebased import EmailBackend as FolderBackend


class ConsoleAndFolderBackend(FolderBackend):
    def send_messages(self, messages: Sequence[EmailMessage]) -> int:
        for message in messages:
            sys.stdout.write(f"\nE-mail to {', '.join(message.to)}: {message.subject}\n{message.body}\n")
        sys.stdout.flush()
        return int(super().send_messages(messages) or 0)
