"""Files beside the uploads that hold what a stage found, so that a later attempt goes on from there."""

from __future__ import annotations

import shutil
from pathlib import Path

from django.core.files.storage import default_storage

from knowledge.models import DocumentVersion

FOLDER = "checkpoints"


def parsed_path(version: DocumentVersion) -> Path:
    """Where the parsed document lies, in the organisation's own folder."""
    return made(Path(default_storage.path(f"{FOLDER}/{version.pk}.parsed")))


def parts_path(version: DocumentVersion) -> Path:
    return Path(default_storage.path(f"{FOLDER}/{version.pk}.parts"))


def empty_parts_folder(version: DocumentVersion) -> Path:
    """Where files found inside this one lie until they are documents of their own. An attempt before left nothing."""
    folder = parts_path(version)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def made(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def forget_checkpoints(version: DocumentVersion) -> None:
    parsed_path(version).unlink(missing_ok=True)
    shutil.rmtree(parts_path(version), ignore_errors=True)
