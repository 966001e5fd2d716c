"""Golden questions: added, changed, imported, exported, made from answers, and never across organisations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from accounts.errors import NotAllowed
from accounts.models import User
from accounts.permissions import Role
from knowledge.errors import DocumentNotFound
from knowledge.evaluation import golden
from knowledge.evaluation.csv_files import read_sheet
from knowledge.evaluation.errors import GoldenQuestionExists
from knowledge.evaluation.matching import Target
from knowledge.models import Chunk, Collection, Document, DocumentVersion, GoldenQuestion
from tenants.context import entered
from tenants.models import Organisation


def store(title: str, *texts: str, file_name: str = "", **more: Any) -> Document:
    """A readable document as rows: nothing here searches."""
    collection, _ = Collection.objects.get_or_create(name="Documents")
    document = Document.objects.create(
        collection=collection, key=f"{title} {file_name}", title=title, state=Document.State.READY, **more
    )
    version = DocumentVersion.objects.create(document=document, number=1, file_name=file_name or f"{title}.md")
    Document.objects.filter(pk=document.pk).update(current=version, newest=version)
    Chunk.objects.bulk_create(
        Chunk(
            document=document,
            version=version,
            point_id=document.pk,
            position=position,
            text=text,
            embedding_text=text,
            heading_path=[],
            char_start=0,
            char_end=len(text),
            content_hash=str(position),
        )
        for position, text in enumerate(texts)
    )
    document.refresh_from_db()
    return document


@pytest.fixture
def ada(acme: Organisation, make_person: Any) -> Iterator[User]:
    person = make_person(acme, "ada@example.org", Role.ADMIN)
    with entered(acme.schema_name):
        yield person


def test_a_question_is_kept_with_its_targets(ada: User) -> None:
    handbook, travel = store("Handbook"), store("Travel")
    row = golden.golden_question_add(
        user=ada, text="  How many\ndays? ", targets=[Target(handbook.pk, "28 days"), Target(travel.pk)]
    )
    assert (row.text, row.created_by_label, row.source) == ("How many days?", "ada@example.org", "typed")
    assert golden.targets_of(row) == {Target(handbook.pk, "28 days"), Target(travel.pk, "")}
    with pytest.raises(GoldenQuestionExists):
        golden.golden_question_add(user=ada, text="How many days?", targets=[Target(travel.pk)])


def test_a_change_replaces_text_and_targets(ada: User) -> None:
    handbook, travel = store("Handbook"), store("Travel")
    row = golden.golden_question_add(user=ada, text="One?", targets=[Target(handbook.pk)])
    other = golden.golden_question_add(user=ada, text="Two?", targets=[Target(handbook.pk)])
    golden.golden_question_change(user=ada, question=row, text="Three?", targets=[Target(travel.pk, "x")])
    row = golden.golden_question(ada, row.pk)
    assert (row.text, golden.targets_of(row)) == ("Three?", {Target(travel.pk, "x")})
    with pytest.raises(GoldenQuestionExists):
        golden.golden_question_change(user=ada, question=other, text="Three?", targets=[Target(travel.pk)])
    golden.golden_question_delete(user=ada, question=row)
    assert [one.text for one in golden.golden_questions(ada)] == ["Two?"]


def test_a_document_that_is_not_there_can_be_no_target(ada: User, globex: Organisation) -> None:
    with entered(globex.schema_name):
        theirs = store("Secret")
    going = store("Going")
    Document.objects.filter(pk=going.pk).update(state=Document.State.DELETING)
    for document in (theirs, going):
        with pytest.raises(DocumentNotFound):
            golden.golden_question_add(user=ada, text="Which?", targets=[Target(document.pk)])
    assert not GoldenQuestion.objects.exists()


@pytest.mark.parametrize("role", [Role.MEMBER, Role.FINANCE])
def test_readers_may_not_keep_questions(acme: Organisation, make_person: Any, role: Role) -> None:
    mo = make_person(acme, "mo@example.org", role)
    with entered(acme.schema_name):
        document = store("Handbook")
        for act in (
            lambda: golden.golden_question_add(user=mo, text="Q?", targets=[Target(document.pk)]),
            lambda: golden.golden_questions(mo),
            lambda: golden.golden_import(user=mo, sheet=read_sheet(b"question,document\nQ?,Handbook\n")),
        ):
            with pytest.raises(NotAllowed):
                act()
        assert not GoldenQuestion.objects.exists()


SHEET = """question,document,quote
By title?,HANDBOOK,28 days
By file?,travel 2026.PDF,
By stem?,handbook.docx,
By external id?,crm-7,
By title?,Travel,hotel
Nobody knows?,Nowhere,
Which of two?,Twin,
,Handbook,
"""


def test_import_finds_documents_keeps_good_lines_and_is_idempotent(ada: User) -> None:
    handbook, travel = store("Handbook"), store("Travel", file_name="Travel 2026.pdf", external_id="crm-7")
    store("Twin", file_name="a.md")
    store("twin", file_name="b.md")
    sheet = read_sheet(SHEET.encode())
    found = golden.golden_import(user=ada, sheet=sheet)
    assert (found.added, found.updated, found.unchanged) == (4, 0, 0)
    assert [(problem.number, problem.reason) for problem in found.problems] == [
        (7, "There is no document “Nowhere”."),
        (8, "2 documents are called “Twin”. Give the id of one of them."),
        (9, "The question is missing."),
    ]
    kept = {row.text: golden.targets_of(row) for row in golden.golden_questions(ada)}
    assert kept == {
        "By title?": {Target(handbook.pk, "28 days"), Target(travel.pk, "hotel")},
        "By file?": {Target(travel.pk)},
        "By stem?": {Target(handbook.pk)},
        "By external id?": {Target(travel.pk)},
    }
    assert [row.text for row in golden.golden_questions(ada)][0] == "By title?"
    again = golden.golden_import(user=ada, sheet=sheet)
    assert (again.added, again.updated, again.unchanged) == (0, 0, 4)
    changed = golden.golden_import(user=ada, sheet=read_sheet(b"question;document;quote\nBy file?;Handbook;x\n"))
    assert (changed.added, changed.updated) == (0, 1)


def test_an_export_can_be_imported_again(ada: User) -> None:
    handbook = store("Handbook")
    store("Handbook", file_name="other.md")
    golden.golden_question_add(user=ada, text="=SUM(1)?", targets=[Target(handbook.pk, 'a "quote",\nand more')])
    sheet = read_sheet(golden.golden_export(ada))
    GoldenQuestion.objects.all().delete()
    assert golden.golden_import(user=ada, sheet=sheet).added == 1  # by id, though two have the title
    assert golden.targets_of(golden.golden_questions(ada)[0]) == {Target(handbook.pk, 'a "quote",\nand more')}


def test_a_rated_answer_becomes_a_question_once(ada: User, globex: Organisation) -> None:
    handbook = store("Handbook")
    with entered(globex.schema_name):
        theirs = store("Secret")
    row = golden.golden_from_answer("How many  days?", [(handbook.pk, " 28 days "), (theirs.pk, "x")])
    assert row is not None
    assert (row.text, row.source, golden.targets_of(row)) == (
        "How many days?",
        "rated",
        {Target(handbook.pk, "28 days")},
    )
    again = golden.golden_from_answer("How many days?", [(handbook.pk, "other words")])
    assert again == row
    assert golden.targets_of(row) == {Target(handbook.pk, "28 days")}
    assert golden.golden_from_answer("Nothing cited?", [(theirs.pk, "x")]) is None
    assert golden.golden_from_answer("x" * 2001, [(handbook.pk, "x")]) is None


def test_documents_are_suggested_by_words_of_title_or_file(ada: User) -> None:
    store("Annual leave policy")
    store("Leave it", file_name="policy-7.md")
    store("Travel")
    assert [row.title for row in golden.documents_like(ada, "leave policy")] == ["Annual leave policy", "Leave it"]
    assert [row.title for row in golden.documents_like(ada, "leave")] == ["Leave it", "Annual leave policy"]
    assert golden.documents_like(ada, "100%") == []


def test_passages_are_drawn_from_many_documents_and_new_ones_first(ada: User) -> None:
    text = "A person with five years of service has a few more days of annual leave than others have. " * 4
    known, *others = (store(f"d{number}", "short", text) for number in range(4))
    golden.golden_question_add(user=ada, text="Known?", targets=[Target(known.pk)])
    drawn = golden.starters(ada, 3)
    assert {starter.document_id for starter in drawn} == {document.pk for document in others}
    assert {starter.text for starter in drawn} == {text}
    assert len(golden.starters(ada, 10)) == 4
