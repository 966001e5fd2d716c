"""Test services, loaded by pytest before settings are read (`-p vena_platform.testing`).

Real PostgreSQL and Valkey in a folder of their own for this run; worker processes of pytest-xdist share them, each
with its own database, Redis number and vector folder.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import settings

from vena_platform import embedded

os.environ["DJANGO_SETTINGS_MODULE"] = "vena_platform.settings.test"
_running = ExitStack()
# A busy machine is no reason for a property test to fail.
settings.register_profile("vena", deadline=None)
settings.load_profile("vena")


def start() -> None:
    """In the controlling process only: workers inherit the environment it leaves."""
    if not embedded.wanted():
        return
    home = Path(tempfile.mkdtemp(prefix="vena-test-"))
    _running.callback(shutil.rmtree, home, ignore_errors=True)
    os.environ["VENA_HOME"] = str(home)
    os.environ.setdefault("VENA_MODEL_FOLDER", str(embedded.BASE_DIR / ".vena" / "models"))
    # Nobody needs these data after the run, so the disk need not be waited for.
    os.environ["VENA_POSTGRES_SETTINGS"] = "fsync = off\nsynchronous_commit = off\nfull_page_writes = off\n"
    _running.enter_context(embedded.services(owner=False))


start()


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    _running.close()
