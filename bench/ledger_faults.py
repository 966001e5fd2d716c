"""The ledger beside the provider's own books, after thousands of answers under faults.

    python -m bench.ledger_faults [2000]

Asks through the product's own code (a question accepted, searched, answered, stored) against the stub provider, which
refuses a share of the calls and breaks others off; every tenth question is stopped, some of them before their first
word. Then every row of the ledger is put beside the call it is of: what the provider told must be there to the token,
what it never told is an estimate and counted apart. Ends with 1 when a call is missing, or a figure wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from bench.stub_provider import ANTHROPIC_CHAT, COHERE_RERANK, OPENAI_CHAT, OPENAI_EMBEDDINGS, Call, StubProvider

QUESTION = "How many days of annual leave do staff get, and when do they expire? [mark {}]"
DOCUMENT = b"# Leave\n\nStaff get 25 days of annual leave a year.\n\n# Carrying over\n\nUnused days expire in March.\n"
FAULTS = {"fault_share": 0.3, "token_delay": 0.001}
STOP_EVERY = 10
ENDPOINTS = {
    ("chat", "openai"): OPENAI_CHAT,
    ("chat", "anthropic"): ANTHROPIC_CHAT,
    ("embedding", "openai"): OPENAI_EMBEDDINGS,
    ("rerank", "cohere"): COHERE_RERANK,
}


@dataclass
class Tally:
    """Calls of one model that ended in one way, and their tokens in both books."""

    calls: int = 0
    ledger: Counter[str] = field(default_factory=Counter)
    provider: Counter[str] = field(default_factory=Counter)

    def add(self, row: Any, call: Call) -> None:
        self.calls += 1
        self.ledger.update(input=row.input_tokens, output=row.output_tokens)
        self.provider.update(input=call.input_tokens, output=call.output_tokens)


@dataclass
class Comparison:
    exact: dict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))  # by model
    estimated: dict[tuple[str, str], Tally] = field(default_factory=lambda: defaultdict(Tally))  # by model and outcome
    wrong: list[tuple[Any, Call | None]] = field(default_factory=list)  # told otherwise, or never made
    lost: list[Call] = field(default_factory=list)  # not in the ledger
    never_arrived: int = 0  # estimated calls that the provider never saw: stopped on the way there
    answers: Counter[str] = field(default_factory=Counter)  # by how they ended
    spent: Decimal = Decimal(0)
    budget: tuple[Decimal, Decimal] = (Decimal(0), Decimal(0))  # spent and held, as the budget has it
    left_open: int = 0

    @property
    def is_exact(self) -> bool:
        return not (self.wrong or self.lost or self.left_open) and self.budget == (self.spent, Decimal(0))


# -- asking -------------------------------------------------------------------------------------------


async def ask_all(organisation: Any, user_id: UUID, count: int, at_once: int) -> dict[str, UUID]:
    """The answers by their marks. All of them have ended."""
    gate = asyncio.Semaphore(at_once)

    async def one(number: int) -> tuple[str, UUID]:
        async with gate:
            return str(number), await ask(organisation, user_id, number)

    return dict(await asyncio.gather(*map(one, range(count))))


async def ask(organisation: Any, user_id: UUID, number: int) -> UUID:
    from chat.actions import question_accept
    from chat.live import switchboard
    from chat.protocol import Ask
    from chat.turns import Turn
    from tenants.context import in_tenant

    wanted = Ask(client_id=uuid4(), text=QUESTION.format(number))
    accepted = await in_tenant(
        organisation.schema_name, question_accept, organisation_id=organisation.pk, user_id=user_id, ask=wanted
    )
    assert accepted.question
    live = Turn(switchboard(), accepted.question).start()
    if number % STOP_EVERY == 0:
        await stopped(live, after=number // STOP_EVERY % 5)
    assert live.task
    await asyncio.wait([live.task])
    async for _ in live.follow():  # to its end, which comes behind a stop
        pass
    return accepted.answer_id


async def stopped(live: Any, after: int) -> None:
    """After so many deltas; with none, somewhere on the way to the first word."""
    if not after:
        await asyncio.sleep(0.002 + 0.01 * (live.id.int % 3))
    else:
        async for sent in live.follow():
            after -= sent.frame["type"] == "delta"
            if not after:
                break
    live.stop()


# -- comparing ----------------------------------------------------------------------------------------


def compared(organisation: Any, answers: dict[str, UUID], calls: list[Call]) -> Comparison:
    from django.db.models import Sum

    from billing.models import BudgetPeriod, OpenAnswer, UsageEvent

    found = Comparison()
    marks = {answer: mark for mark, answer in answers.items()}
    waiting = {(call.mark, call.endpoint): call for call in calls if call.mark in answers}
    rows = UsageEvent.objects.filter(organisation_id=organisation.pk, subject__in=marks).exclude(provider="local")
    for row in rows.order_by("pk"):
        assert row.subject
        call = waiting.pop((marks[row.subject], ENDPOINTS.get((row.kind, row.provider), "")), None)
        sort(found, row, call)
    found.lost = [call for call in waiting.values() if call.input_tokens]
    rows = UsageEvent.objects.filter(organisation_id=organisation.pk)
    found.spent = rows.aggregate(sum=Sum("cost_gbp"))["sum"] or Decimal(0)
    period = BudgetPeriod.objects.filter(budget__organisation=organisation).first()
    found.budget = (period.spent_gbp, period.reserved_gbp) if period else (found.spent, Decimal(0))
    found.left_open = OpenAnswer.objects.filter(organisation_id=organisation.pk).count()
    found.answers = statuses(organisation, answers)
    return found


def sort(found: Comparison, row: Any, call: Call | None) -> None:
    if row.is_estimated:
        if call:
            found.estimated[row.model, row.outcome].add(row, call)
        else:
            found.never_arrived += 1
    elif call is None:
        if row.input_tokens or row.output_tokens:
            found.wrong.append((row, None))
    elif (row.input_tokens, row.output_tokens) != told(call):
        found.wrong.append((row, call))
    else:
        found.exact[row.model].add(row, call)


def told(call: Call) -> tuple[int, int]:
    return (call.input_tokens, call.output_tokens) if call.has_told else (0, 0)


def statuses(organisation: Any, answers: dict[str, UUID]) -> Counter[str]:
    from chat.models import Message
    from tenants.context import entered

    with entered(organisation.schema_name):
        return Counter(Message.objects.filter(pk__in=answers.values()).values_list("status", flat=True))


# -- a run of its own ---------------------------------------------------------------------------------


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.ledger_faults", description=__doc__)
    parser.add_argument("answers", type=int, nargs="?", default=2000)
    parser.add_argument("--at-once", type=int, default=20)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="vena-bench-") as folder, ExitStack() as running:
        stub = running.enter_context(StubProvider())
        os.environ.update(environment(folder, stub))
        from vena_platform import embedded

        running.enter_context(embedded.services(owner=False))
        import django

        django.setup()
        logging.disable(logging.ERROR)  # each fault would say so
        organisation, user_id = prepared()
        started = time.perf_counter()
        found = run(organisation, user_id, stub, options.answers, options.at_once)
        print(f"{options.answers:,} answers in {time.perf_counter() - started:,.0f} s")
    print("\n".join(report(found)))
    return 0 if found.is_exact else 1


def environment(folder: str, stub: StubProvider) -> dict[str, str]:
    return {
        "VENA_HOME": folder,
        "DJANGO_SETTINGS_MODULE": "vena_platform.settings.local",
        "VENA_MODEL_FOLDER": os.environ.get("VENA_MODEL_FOLDER") or str(Path(".vena/models").resolve()),
        "OPENAI_API_KEY": "stub",
        "OPENAI_BASE_URL": stub.openai_url,
        "ANTHROPIC_API_KEY": "stub",
        "ANTHROPIC_BASE_URL": stub.anthropic_url,
        "COHERE_API_KEY": "stub",
        "COHERE_BASE_URL": stub.url,
        "VENA_QUESTIONS_PER_MINUTE": "1000000",
        "VENA_QUESTIONS_PER_MINUTE_ORGANISATION": "1000000",
        "VENA_BREAKER_FAILURES": "1000000",
        "VENA_MIN_SIMILARITY": "0",
    }


def prepared() -> tuple[Any, UUID]:
    """An organisation with one document, one person and a budget."""
    from tenants.models import Organisation
    from tenants.schemas import migrate_everything, schema_create
    from vena_platform.celery import app

    app.conf.task_always_eager = True
    migrate_everything()
    facts = {"name": "Bench", "slug": "bench", "schema_name": "org_bench", "state": "active"}
    organisation = Organisation.objects.create(**facts)
    schema_create(organisation.schema_name)
    return organisation, furnished(organisation)


def furnished(organisation: Any) -> UUID:
    """Who asks there."""
    from django.core.files.uploadedfile import SimpleUploadedFile

    from accounts.models import User
    from billing.models import Budget
    from knowledge.actions import document_upload
    from knowledge.models import Collection
    from knowledge.providers.loops import run_in_loop
    from knowledge.providers.registry import embedder, vector_index
    from knowledge.selectors import library_of
    from tenants.context import entered

    organisation.embedding_provider, organisation.embedding_version = "openai", embedder("openai").version
    organisation.save()
    Budget.objects.create(organisation=organisation, amount_gbp=Decimal(100_000))
    run_in_loop(vector_index().prepare(library_of(organisation).space))
    with entered(organisation.schema_name):
        user = User.objects.create_user("asker@bench.example", "correct horse battery", name="Asker")
        collection = Collection.objects.create(name="Documents")
        document_upload(
            schema_name=organisation.schema_name,
            collection=collection,
            uploaded_by=user,
            file=SimpleUploadedFile("leave.md", DOCUMENT),
        )
    return user.pk


def run(organisation: Any, user_id: UUID, stub: StubProvider, count: int, at_once: int) -> Comparison:
    stub.reset()
    stub.control(**FAULTS)
    answers = asyncio.run(asked(organisation, user_id, count, at_once))
    ledger = stub.stub.ledger
    return compared(organisation, answers, [*ledger.calls, *ledger.searches])


async def asked(organisation: Any, user_id: UUID, count: int, at_once: int) -> dict[str, UUID]:
    from chat.live import close_switchboard
    from knowledge.answering.cache import all_kept
    from knowledge.providers.registry import chat_model_of, embedder, reranker

    answers = await ask_all(organisation, user_id, count, at_once)
    await all_kept()
    await close_switchboard()
    for model in (chat_model_of("openai"), chat_model_of("anthropic"), embedder("openai"), reranker()):
        await model.close()  # type: ignore[union-attr]
    return answers


def report(found: Comparison) -> Iterator[str]:
    yield "answers: " + ", ".join(f"{count} {status}" for status, count in found.answers.most_common())
    for model, tally in sorted(found.exact.items()):
        yield f"{model}, told by the provider: {shown(tally)}"
    for (model, outcome), tally in sorted(found.estimated.items()):
        yield f"{model}, {outcome}, estimated: {shown(tally)}"
    yield f"estimated calls that were stopped before they reached the provider: {found.never_arrived}"
    yield f"calls that the ledger lacks: {len(found.lost)}; figures that differ from what was told: {len(found.wrong)}"
    yield f"ledger £{found.spent}, budget £{found.budget[0]} spent and £{found.budget[1]} held, {found.left_open} open"
    for row, call in found.wrong[:5]:
        yield f"  wrong: {row.kind} {row.model} {row.outcome} {row.input_tokens}+{row.output_tokens}, provider: {call}"
    for call in found.lost[:5]:
        yield f"  lost: {call}"


def shown(tally: Tally) -> str:
    here, there = tally.ledger, tally.provider
    return (
        f"{tally.calls} calls, input {here['input']:,} of {there['input']:,}, "
        f"output {here['output']:,} of {there['output']:,}"
    )


if __name__ == "__main__":
    sys.exit(main())
