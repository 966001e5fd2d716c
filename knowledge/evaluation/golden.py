"""Golden questions: kept by hand, from CSV, or from an answer that somebody found good."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Length, Lower

from accounts.models import User
from accounts.permissions import Can
from accounts.selectors import require
from knowledge.errors import DocumentNotFound
from knowledge.evaluation.csv_files import MAX_QUESTION, MAX_QUOTE, Line, Problem, Sheet, write_sheet
from knowledge.evaluation.errors import GoldenQuestionExists, GoldenQuestionNotFound
from knowledge.evaluation.matching import Target
from knowledge.models import Chunk, Document, GoldenQuestion, GoldenTarget
from knowledge.selectors import documents_hidden_from, documents_visible_to

SUGGESTIONS = 8
STARTER_LENGTH = (200, 1600)  # characters: shorter says too little, longer is tiring to read
STARTER_POOL = 300  # documents


@dataclass(frozen=True, slots=True)
class Imported:
    added: int
    updated: int
    unchanged: int
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Starter:
    """A passage to ask a question about: the quickest way to a golden question."""

    document_id: UUID
    title: str
    heading: str
    page: int | None
    text: str


# -- reading --------------------------------------------------------------------------------------


def golden_questions(user: User) -> QuerySet[GoldenQuestion]:
    """Newest first. One that quotes a document this person may not read is not there for them."""
    require(user, Can.EDIT_DOCUMENTS)
    hidden = GoldenTarget.objects.filter(question=OuterRef("pk"), document__in=documents_hidden_from(user))
    return GoldenQuestion.objects.filter(~Exists(hidden)).prefetch_related("targets__document")


def golden_question(user: User, question_id: UUID) -> GoldenQuestion:
    row = golden_questions(user).filter(pk=question_id).first()
    if row is None:
        raise GoldenQuestionNotFound
    return row


def questions_with_targets() -> QuerySet[GoldenQuestion]:
    """What can be measured with, oldest first. A question loses its targets with their documents."""
    answered = GoldenTarget.objects.filter(question=OuterRef("pk"))
    return GoldenQuestion.objects.filter(Exists(answered)).order_by("created_at", "pk")


def pickable(user: User) -> QuerySet[Document]:
    """Documents that a golden question may name."""
    return documents_visible_to(user).exclude(state=Document.State.DELETING)


def documents_like(user: User, words: str) -> list[Document]:
    """For search-as-you-type: each word is in the title or the file's name; titles that begin so come first."""
    rows = pickable(user)
    for word in words.split()[:8]:
        rows = rows.filter(Q(title__icontains=word) | Q(newest__file_name__icontains=word))
    starts_so = Q(title__istartswith=words.strip())
    return list(rows.annotate(starts_so=starts_so).order_by("-starts_so", Lower("title"), "pk")[:SUGGESTIONS])


def starters(user: User, wanted: int) -> list[Starter]:
    """Passages drawn by lot, of as many documents as possible, not yet the answer of a golden question."""
    taken = GoldenTarget.objects.filter(document=OuterRef("pk"))
    documents = pickable(user).filter(current__isnull=False).annotate(is_taken=Exists(taken)).order_by("is_taken", "?")
    versions = list(documents.values_list("current_id", flat=True)[:STARTER_POOL])
    found: list[Chunk] = []
    while versions and len(found) < wanted:
        some, versions = versions[:wanted], versions[wanted:]
        found += _one_of_each(some)
    return [
        Starter(row.document_id, row.document.title, " › ".join(row.heading_path), row.page, row.text)
        for row in found[:wanted]
    ]


def _one_of_each(versions: Sequence[UUID]) -> list[Chunk]:
    shortest, longest = STARTER_LENGTH
    rows = Chunk.objects.filter(version_id__in=versions).annotate(length=Length("text"))
    by_version: dict[UUID, list[int]] = defaultdict(list)
    for version, chunk in rows.filter(length__gte=shortest, length__lte=longest).values_list("version_id", "pk"):
        by_version[version].append(chunk)
    drawn = [random.choice(chunks) for chunks in by_version.values()]  # noqa: S311  not a secret
    return list(Chunk.objects.select_related("document").filter(pk__in=drawn).order_by("?"))


# -- writing --------------------------------------------------------------------------------------


@transaction.atomic
def golden_question_add(*, user: User, text: str, targets: Sequence[Target]) -> GoldenQuestion:
    require(user, Can.EDIT_DOCUMENTS)
    check_documents(user, targets)
    row = GoldenQuestion(text=single_spaced(text), created_by_label=user.email)
    if GoldenQuestion.objects.filter(text=row.text).exists():
        raise GoldenQuestionExists
    row.full_clean()
    row.save()
    put_targets(row, targets)
    return row


@transaction.atomic
def golden_question_change(
    *, user: User, question: GoldenQuestion, text: str, targets: Sequence[Target]
) -> GoldenQuestion:
    require(user, Can.EDIT_DOCUMENTS)
    check_documents(user, targets)
    question.text = single_spaced(text)
    if GoldenQuestion.objects.filter(text=question.text).exclude(pk=question.pk).exists():
        raise GoldenQuestionExists
    question.full_clean()
    question.save()
    question.targets.all().delete()
    put_targets(question, targets)
    return question


def golden_question_delete(*, user: User, question: GoldenQuestion) -> None:
    """Figures of earlier runs stay: they hold a copy of the text."""
    require(user, Can.EDIT_DOCUMENTS)
    question.delete()


def golden_from_answer(
    question_text: str, cited: Iterable[tuple[UUID, str]], *, created_by_label: str = ""
) -> GoldenQuestion | None:
    """Keep a question whose answer was rated well, with the passages it cited as (document, quote).

    A question that is kept already stays as it is: a person may have corrected it. None when no cited document is
    left or the question is too long to be one.
    """
    text = single_spaced(question_text)
    wanted = list(dict.fromkeys(Target(document, quote.strip()[:MAX_QUOTE]) for document, quote in cited))
    there = set(Document.objects.filter(pk__in=[target.document_id for target in wanted]).values_list("pk", flat=True))
    targets = [target for target in wanted if target.document_id in there]
    if not targets or not text or len(text) > MAX_QUESTION:
        return None
    try:
        with transaction.atomic():
            row = GoldenQuestion.objects.create(
                text=text, source=GoldenQuestion.Source.RATED, created_by_label=created_by_label
            )
            put_targets(row, targets)
    except IntegrityError:
        return GoldenQuestion.objects.get(text=text)
    return row


def put_targets(question: GoldenQuestion, targets: Sequence[Target]) -> None:
    GoldenTarget.objects.bulk_create(
        GoldenTarget(question=question, document_id=target.document_id, quote=target.quote)
        for target in dict.fromkeys(targets)
    )


def check_documents(user: User, targets: Sequence[Target]) -> None:
    wanted = {target.document_id for target in targets}
    if pickable(user).filter(pk__in=wanted).count() != len(wanted) or not wanted:
        raise DocumentNotFound


def single_spaced(text: str) -> str:
    return " ".join(text.split())


# -- CSV ------------------------------------------------------------------------------------------


@transaction.atomic
def golden_import(*, user: User, sheet: Sheet) -> Imported:
    """Keep the good lines. Lines with the same question are its targets together, and replace those it had."""
    require(user, Can.EDIT_DOCUMENTS)
    directory = Directory(user, sheet.lines)
    problems = list(sheet.problems)
    wanted: dict[str, list[Target]] = {}
    for line in sheet.lines:
        found = directory.find(line)
        if isinstance(found, UUID):
            wanted.setdefault(line.question, []).append(Target(found, line.quote))
        else:
            problems.append(found)
    added, updated = _put_all(wanted, user.email)
    return Imported(
        added=added,
        updated=updated,
        unchanged=len(wanted) - added - updated,
        problems=tuple(sorted(problems, key=lambda problem: problem.number)),
    )


def _put_all(wanted: dict[str, list[Target]], label: str) -> tuple[int, int]:
    """How many were added, and how many got other targets."""
    rows = GoldenQuestion.objects.filter(text__in=wanted).prefetch_related("targets")
    there = {row.text: row for row in rows.select_for_update()}
    added = updated = 0
    for text, targets in reversed(wanted.items()):  # so that the newest first shows them in the file's order
        row = there.get(text)
        if row is None:
            row = GoldenQuestion.objects.create(text=text, source=GoldenQuestion.Source.CSV, created_by_label=label)
            added += 1
        elif targets_of(row) == set(targets):
            continue
        else:
            row.targets.all().delete()
            updated += 1
        put_targets(row, targets)
    return added, updated


def targets_of(question: GoldenQuestion) -> set[Target]:
    return {Target(row.document_id, row.quote) for row in question.targets.all()}


class Directory:
    """Finds the document a line means: by id, external id, title, or file name with or without its extension."""

    def __init__(self, user: User, lines: Sequence[Line]) -> None:
        names = {line.document.casefold() for line in lines if line.document}
        ids = {uuid for line in lines for text in (line.document, line.document_id) if (uuid := as_uuid(text))}
        rows = (
            pickable(user)
            .annotate(lower_title=Lower("title"), lower_file=Lower("newest__file_name"))
            .filter(
                Q(pk__in=ids)
                | Q(external_id__in={line.document for line in lines if line.document})
                | Q(lower_title__in=names)
                | Q(lower_file__in=names)
                | Q(lower_title__in={stem_of(name) for name in names})
            )
            .order_by()
            .values_list("pk", "external_id", "title", "newest__file_name")
        )
        self.ids: set[UUID] = set()
        self.by_external: dict[str, set[UUID]] = defaultdict(set)
        self.by_title: dict[str, set[UUID]] = defaultdict(set)
        self.by_file: dict[str, set[UUID]] = defaultdict(set)
        for pk, external_id, title, file_name in rows:
            self.ids.add(pk)
            self.by_external[external_id].add(pk)
            self.by_title[title.casefold()].add(pk)
            self.by_file[(file_name or "").casefold()].add(pk)

    def find(self, line: Line) -> UUID | Problem:
        for text in (line.document_id, line.document):
            if (uuid := as_uuid(text)) in self.ids and uuid is not None:
                return uuid
        name = line.document.casefold()
        for group in (
            self.by_external.get(line.document),
            self.by_title.get(name),
            self.by_file.get(name),
            self.by_title.get(stem_of(name)),
        ):
            if group and len(group) == 1:
                return next(iter(group))
            if group:
                return Problem(
                    line.number, f"{len(group)} documents are called “{line.document}”. Give the id of one of them."
                )
        return Problem(line.number, f"There is no document “{line.document or line.document_id}”.")


def stem_of(name: str) -> str:
    stem, dot, _ = name.rpartition(".")
    return stem if dot else name


def as_uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def golden_export(user: User) -> bytes:
    """One line for each target, so that the file can be imported again."""
    return write_sheet(_lines(golden_questions(user)))


def _lines(rows: QuerySet[GoldenQuestion]) -> Iterator[tuple[str, str, str, str]]:
    for row in rows.iterator(chunk_size=500):
        for target in row.targets.all():
            yield row.text, target.document.title, target.quote, str(target.document_id)
