"""What is kept about a person as one ZIP: JSON, and the files they uploaded."""

from __future__ import annotations

import json
import shutil
from tempfile import TemporaryFile
from typing import IO, Any
from zipfile import ZIP_DEFLATED, ZipFile

from accounts.audit.actions import audit
from accounts.audit.registry import Action
from vena_platform.privacy.collecting import Subject, everything, files_of


def person_export(subject: Subject, *, with_words: bool) -> IO[bytes]:
    """Read to its end here, inside the schema; the caller closes the file."""
    data = everything(subject, with_words=with_words)
    archive = TemporaryFile()  # noqa: SIM115  (sent to whoever asked)
    with ZipFile(archive, "w", ZIP_DEFLATED) as package:
        data["files"] = [put(package, name, version) for name, version in files_of(subject.user)]
        text = json.dumps(data, ensure_ascii=False, indent=2, default=str)
        package.writestr("person.json", text)
    archive.seek(0)
    user = subject.user
    detail = {"has_conversations": with_words, "files": len(data["files"])}
    audit(Action.PERSON_EXPORTED, target=user.email, target_id=str(user.pk), detail=detail)
    return archive


def put(package: ZipFile, name: str, version: Any) -> dict[str, Any]:
    """A file that is gone is told of as such, and stops nothing."""
    facts = {"document": version.document_id, "version": version.number, "name": version.file_name, "file": name}
    try:
        with version.file.open("rb") as source, package.open(name, "w") as target:
            shutil.copyfileobj(source, target)
    except FileNotFoundError:
        return {**facts, "file": None}
    return facts
