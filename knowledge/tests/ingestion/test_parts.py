"""Files inside files: each a document of its own, that goes and comes with what holds it."""

from __future__ import annotations

import io
import zipfile
from email.message import EmailMessage

from knowledge import tasks
from knowledge.actions import document_delete
from knowledge.errors import EmptyDocument
from knowledge.models import Document
from knowledge.tests.conftest import HANDBOOK, Upload, points
from knowledge.tests.ingestion.outlook import BODY, SUBJECT, Letter, msg
from tenants.context import entered
from tenants.models import Organisation

State = Document.State


def archive(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as package:
        for name, content in files.items():
            package.writestr(name, content)
    return buffer.getvalue()


def ends(organisation: Organisation) -> dict[str, str]:
    with entered(organisation.schema_name):
        rows = Document.objects.exclude(state=State.DELETING)
        return {row.title: row.failure_code or row.state for row in rows}


def test_an_archive_becomes_its_files(live_acme: Organisation, upload: Upload) -> None:
    content = archive({"a/handbook.md": HANDBOOK, "b/blank.txt": b"  ", "photo.xyz": b"\x00\x01", "__MACOSX/x": b"x"})
    document = upload(live_acme, content, "papers.zip")
    assert document.state == State.READY
    assert document.current is not None
    assert (document.current.part_count, document.current.chunk_count) == (3, 0)
    assert ends(live_acme) == {
        "papers": "ready",
        "a/handbook.md": "ready",
        "b/blank.txt": "empty_document",
        "photo.xyz": "unsupported_format",
    }
    with entered(live_acme.schema_name):
        assert all(part.parent_id == document.pk for part in Document.objects.exclude(pk=document.pk))


def test_a_mail_and_its_attachments(live_acme: Organisation, upload: Upload) -> None:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "ada@example.org", "grace@example.org", "The leave policy"
    mail.set_content("Please find the policy attached. It is in force from May.")
    mail.add_attachment(HANDBOOK, maintype="text", subtype="markdown", filename="policy.md")
    document = upload(live_acme, mail.as_bytes(), "mail.eml")
    assert document.current is not None
    assert document.current.chunk_count > 0
    assert ends(live_acme) == {"mail": "ready", "policy.md": "ready"}


def test_a_message_of_outlook_and_what_it_holds(live_acme: Organisation, upload: Upload) -> None:
    inner = Letter({SUBJECT: "Forwarded", BODY: "The policy is in force from May."}, attached=[("policy.md", HANDBOOK)])
    letter = Letter({SUBJECT: "The leave policy", BODY: "Please read."}, attached=[("fwd", inner), ("no.txt", b"")])
    upload(live_acme, msg(letter), "mail.msg")
    assert ends(live_acme) == {"mail": "ready", "fwd.eml": "ready", "policy.md": "ready", "no.txt": "empty_document"}


def test_empty_files_show_as_parts_that_failed(live_acme: Organisation, upload: Upload) -> None:
    mail = EmailMessage()
    mail["From"], mail["Subject"] = "ada@example.org", "Empty"
    mail.set_content("Nothing is in the attachment.")
    mail.add_attachment(b"", maintype="text", subtype="plain", filename="nothing.txt")
    content = archive({"empty.md": b"", "full.md": HANDBOOK, "mail.eml": mail.as_bytes()})
    document = upload(live_acme, content, "papers.zip")
    assert document.current is not None
    assert document.current.part_count == 3
    assert ends(live_acme) == {
        "papers": "ready",
        "full.md": "ready",
        "mail.eml": "ready",
        "empty.md": "empty_document",
        "nothing.txt": "empty_document",
    }
    with entered(live_acme.schema_name):
        failed = Document.objects.filter(state=State.FAILED)
        assert {row.failure_message for row in failed} == {EmptyDocument.message}
    again = upload(live_acme, content, "papers.zip")
    assert again.pk == document.pk
    assert len(ends(live_acme)) == 5


def test_a_new_version_of_an_archive_keeps_what_did_not_change(live_acme: Organisation, upload: Upload) -> None:
    upload(live_acme, archive({"one.md": HANDBOOK, "two.md": b"# Two\n\nThe second text."}), "papers.zip")
    with entered(live_acme.schema_name):
        kept = Document.objects.get(title="one.md")
    upload(live_acme, archive({"one.md": HANDBOOK, "three.md": b"# Three\n\nThe third text."}), "papers.zip")
    tasks.recover_documents(schema_name=live_acme.schema_name, include_queued=True)
    assert ends(live_acme) == {"papers": "ready", "one.md": "ready", "three.md": "ready"}
    with entered(live_acme.schema_name):
        still = Document.objects.get(title="one.md")
        assert (still.pk, still.attempts, still.versions.count()) == (kept.pk, 1, 1)
        assert not Document.objects.filter(title="two.md").exists()


def test_deleting_the_archive_deletes_its_files(live_acme: Organisation, upload: Upload) -> None:
    document = upload(live_acme, archive({"one.md": HANDBOOK, "deep.zip": archive({"in.md": HANDBOOK})}), "papers.zip")
    assert ends(live_acme) == {"papers": "ready", "one.md": "ready", "deep.zip": "ready", "in.md": "ready"}
    with entered(live_acme.schema_name):
        document_delete(schema_name=live_acme.schema_name, document=document)
        assert not Document.objects.exists()
    assert points(live_acme) == set()


def test_archives_in_archives_end_somewhere(live_acme: Organisation, upload: Upload) -> None:
    content = HANDBOOK
    name = "leaf.md"
    for depth in range(7):
        content, name = archive({name: content}), f"level-{depth}.zip"
    upload(live_acme, content, name)
    assert "parts_too_deep" in ends(live_acme).values()
    assert "leaf.md" not in ends(live_acme)
