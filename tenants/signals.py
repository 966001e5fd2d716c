"""The one thing this app tells those above it: an organisation was opened or suspended. `accounts` writes it down."""

from __future__ import annotations

from django.dispatch import Signal

state_changed = Signal()  # organisation, state
