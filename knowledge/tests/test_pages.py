"""The pages around documents and the embedding model: who sees what, in two organisations."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from accounts.models import User
from accounts.permissions import Role
from bench.stub_provider import StubProvider
from knowledge.actions import reembedding_start, reembedding_switch
from knowledge.models import Document, GoldenQuestion, Reembedding
from knowledge.selectors import library_of
from knowledge.tests.conftest import HANDBOOK, Upload
from knowledge.tests.ingestion.test_parts import archive
from tenants.context import entered
from tenants.models import Organisation
from tenants.selectors import forget_hosts

CHANGED = HANDBOOK.replace(b"28", b"30")
READERS = [Role.MEMBER, Role.FINANCE]
Enter = Callable[..., Any]


@pytest.fixture
def enter(make_person: Any, on_host: Any) -> Enter:
    """A browser that a person of this role has signed in with."""

    def run(organisation: Organisation, role: Role = Role.ADMIN) -> Any:
        email = f"{role}@{organisation.slug}.example"
        make_person(organisation, email, role)
        browser = on_host(organisation)
        browser.sign_in(email)
        return browser

    return run


@pytest.fixture
def stub(settings: Any) -> Iterator[StubProvider]:
    with StubProvider() as provider:
        settings.OPENAI_API_KEY = "stub"
        settings.OPENAI_BASE_URL = provider.openai_url
        settings.VENA_CHAT_PROVIDER = "extractive"
        yield provider


def words(page: Any) -> str:
    """What a person reads, without markup."""
    text = re.sub(r"<script.*?</script>|<[^>]+>", " ", page.content.decode(), flags=re.S)
    return " ".join(text.split())


def has_no_inline_code(page: Any) -> bool:
    text = page.content.decode()
    scripts = re.findall(r"<script(?![^>]*(?:src=|application/json))", text)
    return not scripts and not re.search(r"\s(?:style|on[a-z]+)=\"", text)


# -- documents -----------------------------------------------------------------------------------------


def test_who_may_change_documents_gets_the_means(live_acme: Organisation, upload: Upload, enter: Enter) -> None:
    upload(live_acme)
    page = enter(live_acme).get("/documents/")
    config = page.context["documents_config"]
    assert (config["may_edit"], config["document_limit"], config["max_pages"] > 0) == (True, None, True)
    assert [row["document_count"] for row in config["collections"]] == [1]
    assert ("none", "None: words as they are written") == page.context["languages"][0]
    for mark in ("data-dropzone", "data-web-dialog", "data-settings-dialog", "data-delete-dialog", "data-details-form"):
        assert mark in page.content.decode(), mark
    assert has_no_inline_code(page)


@pytest.mark.parametrize("role", READERS)
def test_who_may_only_read_gets_none(live_acme: Organisation, upload: Upload, enter: Enter, role: Role) -> None:
    upload(live_acme)
    page = enter(live_acme, role).get("/documents/")
    assert page.context["documents_config"]["may_edit"] is False
    for mark in ("data-dropzone", "data-web-dialog", "data-settings-dialog", "data-delete-dialog", "data-details-form"):
        assert mark not in page.content.decode(), mark
    assert "data-details-dialog" in page.content.decode()  # versions and tries may be read


@pytest.mark.parametrize("role", READERS)
def test_the_buttons_behind_the_pages_refuse_who_may_only_read(
    live_acme: Organisation, upload: Upload, enter: Enter, role: Role
) -> None:
    document = upload(live_acme)
    upload(live_acme, CHANGED)
    browser = enter(live_acme, role)
    one, collection = f"/api/v1/documents/{document.pk}/", f"/api/v1/collections/{document.collection_id}/"
    asked = [
        browser.post(f"{one}cancel/"),
        browser.post(f"{one}retry/"),
        browser.post(f"{one}reindex/"),
        browser.post(f"{one}versions/1/restore/"),
        browser.patch(one, {"tags": ["x"]}, content_type="application/json"),
        browser.delete(one),
        browser.patch(collection, {"name": "Other"}, content_type="application/json"),
        browser.get(f"{collection}context-estimate/"),
        browser.post("/api/v1/documents/reindex/", {"collection": str(document.collection_id), "dry_run": True}),
        browser.post("/api/v1/reembeddings/", {"provider": "openai"}, content_type="application/json"),
    ]
    assert [answer.status_code for answer in asked] == [403] * len(asked)
    with entered(live_acme.schema_name):
        row = Document.objects.select_related("current", "collection").get()
    assert (row.state, row.tags, row.collection.name) == ("ready", [], "Documents")
    assert row.current is not None
    assert row.current.number == 2


def test_another_organisations_collection_and_document_are_not_there(
    live_acme: Organisation, live_globex: Organisation, upload: Upload, enter: Enter
) -> None:
    theirs = upload(live_globex, name="secret.md")
    upload(live_acme)
    browser = enter(live_acme)
    page = browser.get(f"/documents/?collection={theirs.collection_id}")
    assert page.context["active_collection"].pk != theirs.collection_id
    assert str(theirs.collection_id) not in page.content.decode()
    for path in ("", "?version=1", "file/"):
        assert browser.get(f"/documents/{theirs.pk}/{path}").status_code == 404
    assert browser.post(f"/api/v1/documents/{theirs.pk}/versions/1/restore/").status_code == 404
    assert browser.post(f"/api/v1/documents/{theirs.pk}/cancel/").status_code == 404
    assert browser.get("/api/v1/documents/", {"q": "secret"}).json()["results"] == []
    assert browser.get("/api/v1/documents/", {"parent": str(theirs.pk)}).status_code == 404


def test_an_organisation_without_a_collection_is_told_to_make_one(live_acme: Organisation, enter: Enter) -> None:
    page = enter(live_acme).get("/documents/")
    assert page.context["documents_config"]["collection"] is None
    assert "Make a collection first" in words(page)
    assert "data-web-dialog" not in page.content.decode()


def test_files_inside_stand_under_what_holds_them(live_acme: Organisation, upload: Upload, enter: Enter) -> None:
    papers = upload(live_acme, archive({"handbook.md": HANDBOOK, "blank.txt": b"  "}), "papers.zip")
    browser = enter(live_acme)

    def rows(**wanted: str) -> dict[str, dict[str, Any]]:
        return {row["title"]: row for row in browser.get("/api/v1/documents/", wanted).json()["results"]}

    above = rows(parent="none")
    assert list(above) == ["papers"]
    assert above["papers"]["parts_by_state"] == {"ready": 1, "failed": 1}
    inside = rows(parent=str(papers.pk))
    assert {row["parent_title"] for row in inside.values()} == {"papers"}
    assert set(inside) == {"handbook.md", "blank.txt"}
    assert set(rows(state="ready,failed")) == {"papers", "handbook.md", "blank.txt"}
    assert set(rows(state="failed")) == {"blank.txt"}


def test_every_try_that_failed_says_what_to_do(live_acme: Organisation, upload: Upload, enter: Enter) -> None:
    document = upload(live_acme, b"  ", "blank.md")
    attempts = enter(live_acme).get(f"/api/v1/documents/{document.pk}/attempts/").json()
    assert attempts[0]["failure_code"] == "empty_document"
    assert attempts[0]["failure_detail"] == "No text was found in this file. Upload a version that contains text."


# -- one document --------------------------------------------------------------------------------------


def test_an_older_version_says_so_and_leads_to_the_one_that_answers(
    live_acme: Organisation, upload: Upload, enter: Enter
) -> None:
    document = upload(live_acme, tags=["hr"])
    upload(live_acme, CHANGED)
    browser = enter(live_acme, Role.MEMBER)
    old = browser.get(f"/documents/{document.pk}/?version=1")
    assert "This is an older version, number 1. Answers quote version 2 now. Open version 2" in words(old)
    assert "28 days" in words(old)
    assert f'href="/documents/{document.pk}/">Open version 2' in old.content.decode()
    now = browser.get(f"/documents/{document.pk}/")
    assert "older version" not in words(now)
    assert "30 days" in words(now)
    assert 'aria-label="Tags"' in now.content.decode()
    assert has_no_inline_code(now)


def test_a_newer_version_on_its_way_or_failed_is_told(live_acme: Organisation, upload: Upload, enter: Enter) -> None:
    document = upload(live_acme)
    upload(live_acme, b"   \n", "handbook.md")
    browser = enter(live_acme)
    page = browser.get(f"/documents/{document.pk}/")
    assert "Version 2 is not in: No text was found in this file." in words(page)
    assert "28 days" in words(page)
    with entered(live_acme.schema_name):
        Document.objects.update(state=Document.State.EMBEDDING)
    assert "A newer version is being read." in words(browser.get(f"/documents/{document.pk}/"))


def test_an_archive_lists_its_files_and_each_leads_back(live_acme: Organisation, upload: Upload, enter: Enter) -> None:
    papers = upload(live_acme, archive({"handbook.md": HANDBOOK, "blank.txt": b"  "}), "papers.zip")
    browser = enter(live_acme)
    page = browser.get(f"/documents/{papers.pk}/")
    assert "2 files inside blank.txt Failed handbook.md" in words(page)
    part = next(part for part in page.context["document"]["parts"] if part.title == "handbook.md")
    assert f'In <a href="/documents/{papers.pk}/">papers</a>' in browser.get(f"/documents/{part.pk}/").content.decode()


def test_places_and_the_web_address_of_a_document(live_acme: Organisation, upload: Upload, enter: Enter) -> None:
    document = upload(live_acme, b"name,limit\nhotel,150\ntrain,90\n", "limits.csv")
    with entered(live_acme.schema_name):
        Document.objects.update(source_url="https://intranet.example/limits")
    page = enter(live_acme).get(f"/documents/{document.pk}/")
    place = page.context["chunks"][0]["place"]
    assert "ows" in place
    assert place.capitalize() in words(page)
    assert 'href="https://intranet.example/limits" target="_blank" rel="noopener noreferrer"' in page.content.decode()


def test_an_unread_document_says_why(live_acme: Organisation, upload: Upload, enter: Enter) -> None:
    document = upload(live_acme, b"  ", "blank.md")
    page = enter(live_acme).get(f"/documents/{document.pk}/")
    assert "Not read No text was found in this file." in words(page)


# -- quality ---------------------------------------------------------------------------------------------


def test_an_explained_search_says_which_chunks_each_passage_holds(
    live_acme: Organisation, upload: Upload, enter: Enter
) -> None:
    upload(live_acme)
    found = enter(live_acme).post(
        "/api/v1/search/explain/", {"query": "hotel in Edinburgh"}, content_type="application/json"
    )
    first = found.json()["results"][0]
    trimmed = found.json()["trace"]["stages"][-1]["candidates"][0]
    assert first["position"] <= trimmed["position"] <= (first["last_position"] or first["position"])


def test_a_measurement_says_how_it_was_searched(live_acme: Organisation, upload: Upload, enter: Enter) -> None:
    document = upload(live_acme)
    add_golden_question(live_acme, document)
    browser = enter(live_acme)
    assert browser.post("/api/v1/evaluations/", {}, content_type="application/json").status_code == 202
    page = browser.get("/knowledge/quality/")
    assert re.search(r"candidates \d+ ", words(page))
    assert has_no_inline_code(page)


# -- the embedding model -------------------------------------------------------------------------------


@pytest.mark.parametrize("role", READERS)
def test_the_model_is_not_for_everybody(live_acme: Organisation, enter: Enter, role: Role) -> None:
    browser = enter(live_acme, role)
    assert browser.get("/knowledge/models/").status_code == 403
    assert "/knowledge/models/" not in browser.get("/documents/").content.decode()


def test_the_model_asks_to_sign_in(live_acme: Organisation, on_host: Any) -> None:
    answer = on_host(live_acme).get("/knowledge/models/")
    assert (answer.status_code, answer["Location"]) == (302, "/accounts/login/?next=/knowledge/models/")


def test_without_a_key_there_is_nothing_to_choose(live_acme: Organisation, upload: Upload, enter: Enter) -> None:
    upload(live_acme)
    page = enter(live_acme).get("/knowledge/models/")
    assert "Answers now all-MiniLM-L6-v2" in words(page)
    assert "Only all-MiniLM-L6-v2 is set up here." in words(page)
    assert "data-start" not in page.content.decode()
    assert has_no_inline_code(page)


def test_choosing_building_switching_and_back_as_the_page_shows_it(
    live_acme: Organisation, live_globex: Organisation, upload: Upload, stub: StubProvider, enter: Enter
) -> None:
    document = upload(live_acme)
    upload(live_globex)
    add_golden_question(live_acme, document)
    browser, others = enter(live_acme), enter(live_globex)
    page = browser.get("/knowledge/models/")
    assert [choice.provider for choice in page.context["choices"]] == ["openai", "openai-large"]

    row = built(live_acme)
    page = browser.get("/knowledge/models/")
    assert "text-embedding-3-small is ready beside it" in words(page)
    assert "Switch to text-embedding-3-small" in words(page)
    assert page.context["comparison"].questions == 1
    assert len(page.context["comparison"].rows) == 4
    assert "Quality, by 1 golden question Measure all-MiniLM-L6-v2 text-embedding-3-small" in words(page)

    switched(live_acme, row)
    text = words(browser.get("/knowledge/models/"))
    assert "Answers now text-embedding-3-small" in text
    assert "Switch back to all-MiniLM-L6-v2" in text
    assert "Answers now all-MiniLM-L6-v2" in words(others.get("/knowledge/models/"))
    assert "Switch back to" not in words(others.get("/knowledge/models/"))
    assert others.get(f"/api/v1/reembeddings/{row.pk}/").status_code == 404
    assert others.post(f"/api/v1/reembeddings/{row.pk}/switch/").status_code == 404

    switched(live_acme, row)
    assert "Answers now all-MiniLM-L6-v2" in words(browser.get("/knowledge/models/"))


def test_a_build_that_failed_says_why_and_can_be_begun_again(
    live_acme: Organisation, upload: Upload, stub: StubProvider, enter: Enter
) -> None:
    upload(live_acme)
    stub.control(status=401)
    assert built(live_acme).state == Reembedding.State.FAILED
    page = enter(live_acme).get("/knowledge/models/")
    assert "text-embedding-3-small could not be built The AI provider does not accept" in words(page)
    assert "data-start" in page.content.decode()


def test_a_build_under_way_is_followed(
    live_acme: Organisation, upload: Upload, stub: StubProvider, enter: Enter
) -> None:
    upload(live_acme)
    row = built(live_acme)
    with entered(live_acme.schema_name):
        Reembedding.objects.update(state=Reembedding.State.BUILDING, done=1, total=4, before=None, after=None)
    browser = enter(live_acme)
    page = browser.get("/knowledge/models/")
    assert "1 of 4 passages Stop building" in words(page)
    assert "data-follow" in page.content.decode()
    assert browser.get(f"/api/v1/reembeddings/{row.pk}/").json()["is_switching"] is False


@pytest.fixture
def remembered(settings: Any) -> Iterator[None]:
    """Hosts are not looked up anew in this test."""
    settings.VENA_HOST_SECONDS = 60.0
    yield
    forget_hosts()


def test_what_another_process_switched_is_shown_at_once(
    live_acme: Organisation, upload: Upload, stub: StubProvider, enter: Enter, remembered: None
) -> None:
    upload(live_acme)
    browser = enter(live_acme)
    row = built(live_acme)
    assert "Answers now all-MiniLM-L6-v2" in words(browser.get("/knowledge/models/"))
    switched(live_acme, row)
    assert "Answers now text-embedding-3-small" in words(browser.get("/knowledge/models/"))
    Organisation.objects.filter(pk=live_acme.pk).update(embedding_provider="local", is_reranked=False)
    page = browser.get("/knowledge/models/")
    assert "Answers now all-MiniLM-L6-v2" in words(page)
    assert 'name="is_reranked">' in page.content.decode()


def built(organisation: Organisation) -> Reembedding:
    """Tasks run at once in tests, so the building has ended, well or not."""
    with entered(organisation.schema_name):
        who = User.objects.first() or User.objects.create_user("olive@example.org", role=Role.OWNER)
        row = reembedding_start(
            schema_name=organisation.schema_name, library=library_of(organisation), provider="openai", started_by=who
        )
        row.refresh_from_db()
        return row


def switched(organisation: Organisation, row: Reembedding) -> None:
    with entered(organisation.schema_name):
        reembedding_switch(schema_name=organisation.schema_name, row=row)
    organisation.refresh_from_db()


def add_golden_question(organisation: Organisation, document: Document) -> None:
    with entered(organisation.schema_name):
        question = GoldenQuestion.objects.create(text="What may a hotel cost?")
        question.targets.create(document_id=document.pk)


# -- the second look -----------------------------------------------------------------------------------


def test_the_second_look_is_an_option_of_each_organisation(
    live_acme: Organisation, live_globex: Organisation, enter: Enter
) -> None:
    admin, stranger = enter(live_acme), enter(live_globex)
    assert "Look at the best passages twice" in words(admin.get("/knowledge/models/"))
    saved = admin.post("/knowledge/models/", follow=True)
    assert "Saved. The next question is searched this way." in words(saved)
    page = admin.get("/knowledge/models/").content.decode()
    assert 'name="is_reranked">' in page
    assert not library_of(Organisation.objects.get(pk=live_acme.pk)).is_reranked
    assert library_of(Organisation.objects.get(pk=live_globex.pk)).is_reranked
    assert 'name="is_reranked" checked>' in stranger.get("/knowledge/models/").content.decode()
    admin.post("/knowledge/models/", {"is_reranked": "on"})
    assert library_of(Organisation.objects.get(pk=live_acme.pk)).is_reranked


@pytest.mark.parametrize("role", READERS)
def test_who_may_only_read_cannot_change_it(live_acme: Organisation, enter: Enter, role: Role) -> None:
    assert enter(live_acme, role).post("/knowledge/models/").status_code == 403
    assert Organisation.objects.get(pk=live_acme.pk).is_reranked
