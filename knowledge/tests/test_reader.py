"""The document beside the chat: its text around a passage, its quote, its file in parts; in two organisations."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from accounts.permissions import Role
from knowledge.models import Chunk
from knowledge.tests.conftest import HANDBOOK, Upload
from knowledge.tests.test_pages import Enter, enter, has_no_inline_code, words
from tenants.context import entered
from tenants.models import Organisation
from tests.papers import lighthouse_pdf

__all__ = ["enter"]

SAID = "Every person has 28 days of annual leave after five years of service."


def reader_of(page: Any) -> dict[str, Any]:
    found = re.search(r'<script id="reader-data" type="application/json">(.*?)</script>', page.content.decode(), re.S)
    assert found
    return dict(json.loads(found[1]))


def place_of(organisation: Organisation, text: str) -> tuple[int, str]:
    """The chunk that holds a text, and where the text stands in the document's plain text."""
    with entered(organisation.schema_name):
        chunk = Chunk.objects.filter(text__contains=text).order_by("pk").first()
        assert chunk
        start = chunk.char_start + chunk.text.index(text)
        return chunk.position, f"{start}-{start + len(text)}"


def test_a_quote_is_cut_out_of_the_version_that_was_cited(
    live_acme: Organisation, upload: Upload, enter: Enter
) -> None:
    document = upload(live_acme)
    chunk, place = place_of(live_acme, SAID)
    upload(live_acme, HANDBOOK.replace(b"28", b"30"))
    browser = enter(live_acme, Role.MEMBER)
    page = browser.get(f"/documents/{document.pk}/passage/?version=1&chunk={chunk}&quote={place}")
    reader = reader_of(page)
    assert (reader["quote"], reader["file"], reader["boxes"]) == (SAID, "", [])
    assert reader["url"] == f"/documents/{document.pk}/?version=1&chunk={chunk}&quote={place}"
    assert "an older version, number 1, which the answer was written from. Open version 2" in words(page)
    assert SAID in words(page)
    assert "<html" not in page.content.decode()
    assert has_no_inline_code(page)
    whole = browser.get(reader["url"])
    assert f'data-quote="{SAID}"' in whole.content.decode()


def test_a_quote_may_run_over_two_chunks(live_acme: Organisation, upload: Upload, enter: Enter) -> None:
    document = upload(live_acme)
    with entered(live_acme.schema_name):
        first, second = Chunk.objects.order_by("position")[:2]
    page = enter(live_acme).get(f"/documents/{document.pk}/passage/?quote={first.char_end - 4}-{second.char_start + 4}")
    assert reader_of(page)["quote"] == f"{first.text[-4:]}\n\n{second.text[:4]}"


NO_PLACES = ["", "9-3", "x-y", "0-99999999", "1-2-3", "500000-500010"]


def test_a_place_that_makes_no_sense_is_no_quote(live_acme: Organisation, upload: Upload, enter: Enter) -> None:
    document = upload(live_acme)
    browser = enter(live_acme)
    pages = [browser.get(f"/documents/{document.pk}/passage/?chunk=0&quote={place}") for place in NO_PLACES]
    assert [(page.status_code, reader_of(page)["quote"]) for page in pages] == [(200, "")] * len(NO_PLACES)


def test_of_a_pdf_the_page_and_the_boxes_of_the_passage_are_told(
    live_acme: Organisation, upload: Upload, enter: Enter
) -> None:
    document = upload(live_acme, lighthouse_pdf(), "lighthouse.pdf")
    chunk, place = place_of(live_acme, "every second Thursday")
    reader = reader_of(enter(live_acme).get(f"/documents/{document.pk}/passage/?version=1&chunk={chunk}&quote={place}"))
    assert (reader["quote"], reader["pages"]) == ("every second Thursday", 5)
    assert reader["file"] == f"/documents/{document.pk}/file/?version=1"
    assert {box[0] for box in reader["boxes"]} == {4}
    assert all(left < right and top < bottom for _, left, top, right, bottom in reader["boxes"])


def test_only_who_may_read_the_document_may_read_it_here(
    live_acme: Organisation, live_globex: Organisation, upload: Upload, enter: Enter, on_host: Any
) -> None:
    theirs = upload(live_globex)
    address = f"/documents/{theirs.pk}/passage/?chunk=0"
    assert enter(live_globex).get(address).status_code == 200
    assert enter(live_acme).get(address).status_code == 404
    assert on_host(live_globex).get(address).status_code == 302


# -- a file in parts -------------------------------------------------------------------------------


RANGES = {
    "bytes=0-9": (206, slice(0, 10)),
    "bytes=100-199": (206, slice(100, 200)),
    "bytes=5-99999999": (206, slice(5, None)),
    "bytes=99999999-99999999": (416, slice(0, 0)),
    "bytes=-10": (200, slice(None)),
    "bytes=0-9,20-29": (200, slice(None)),
    "bytes=9-3": (200, slice(None)),
    "lines=1-2": (200, slice(None)),
}


def body_of(response: Any) -> bytes:
    return bytes(response.getvalue() if response.streaming else response.content)


def test_a_part_of_a_file_is_that_part(
    live_acme: Organisation, upload: Upload, enter: Enter, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = lighthouse_pdf()
    address = f"/documents/{upload(live_acme, content, 'lighthouse.pdf').pk}/file/"
    browser = enter(live_acme)
    for asked, (status, part) in RANGES.items():
        response = browser.get(address, headers={"range": asked})
        assert (response.status_code, body_of(response)) == (status, content[part]), asked
        if status == 206:
            start, stop, _ = part.indices(len(content))
            assert response["Content-Range"] == f"bytes {start}-{stop - 1}/{len(content)}"
            assert response["Content-Type"] == "application/pdf"
        assert (response["Accept-Ranges"], response["X-Content-Type-Options"]) == ("bytes", "nosniff")

    monkeypatch.setattr("knowledge.files.MOST_AT_ONCE", 100)
    assert browser.get(address, headers={"range": "bytes=0-99"}).status_code == 206
    assert body_of(browser.get(address, headers={"range": "bytes=0-100"})) == content


def test_what_is_not_shown_in_the_browser_is_not_served_in_parts(
    live_acme: Organisation, upload: Upload, enter: Enter
) -> None:
    address = f"/documents/{upload(live_acme).pk}/file/"
    response = enter(live_acme).get(address, headers={"range": "bytes=0-9"})
    assert (response.status_code, body_of(response)) == (200, HANDBOOK)
