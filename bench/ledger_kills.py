"""The ledger after processes that were killed while they answered.

    python -m bench.ledger_kills [20]

So often a process that answers twelve questions at once, again and again, is killed (SIGKILL) at some moment; then what
the platform does at a start is done, and every call that the stub provider saw is looked for in the ledger. Ends with 1
when a call of a model is missing or something is still held. The embedding of a question whose process died while it
was searched for is counted apart: nothing is noted before it.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from typing import Any
from uuid import UUID

from bench.ledger_faults import FAULTS, ask, compared, environment, prepared, report
from bench.stub_provider import MARK, StubProvider

AT_ONCE = 12
LIFE = (0.3, 1.5)  # seconds that a process asks before it is killed


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.ledger_kills", description=__doc__)
    parser.add_argument("kills", type=int, nargs="?", default=20)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="vena-bench-") as folder, ExitStack() as running:
        stub = running.enter_context(StubProvider())
        os.environ.update(environment(folder, stub))
        from vena_platform import embedded

        running.enter_context(embedded.services(owner=False))
        import django

        django.setup()
        logging.disable(logging.ERROR)
        from tenants.models import Organisation

        # By a process of its own: the search index belongs to one process at a time.
        ids = subprocess.run([sys.executable, "-c", PREPARE], stdout=subprocess.PIPE, text=True, check=True).stdout
        organisation_id, user_id = map(UUID, ids.split()[-2:])
        organisation = Organisation.objects.get(pk=organisation_id)
        stub.reset()
        stub.control(**{**FAULTS, "fault_share": 0.1, "token_delay": 0.004})
        rng = random.Random(7)  # noqa: S311 (no secret)
        for number in range(options.kills):
            killed_after(rng.uniform(*LIFE), organisation.pk, user_id, number)
        return told(organisation, stub, options.kills)


def killed_after(seconds: float, organisation_id: UUID, user_id: UUID, number: int) -> None:
    command = [sys.executable, "-c", CHILD, str(organisation_id), str(user_id), str(number)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout
        process.stdout.readline()
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)


PREPARE = "from bench.ledger_kills import prepare; prepare()"
CHILD = "import sys; from bench.ledger_kills import child; child(*sys.argv[1:])"


def prepare() -> None:
    import django

    django.setup()
    organisation, user_id = prepared()
    print(organisation.pk, user_id)


def child(organisation_id: str, user_id: str, number: str) -> None:
    import django

    django.setup()
    from tenants.models import Organisation

    organisation = Organisation.objects.get(pk=organisation_id)

    async def forever() -> None:
        await ask(organisation, UUID(user_id), 1 + 10 * (100_000 * int(number)))  # everything is loaded
        print("asking", flush=True)
        await asyncio.gather(*(one(place) for place in range(AT_ONCE)))

    async def one(place: int) -> None:
        for turn in range(1, 1_000_000):
            await ask(organisation, UUID(user_id), 1 + 10 * (100_000 * int(number) + 1000 * place + turn))

    asyncio.run(forever())


def told(organisation: Any, stub: StubProvider, kills: int) -> int:
    from billing.models import BudgetHold
    from chat.tasks import settle_everything

    interrupted = settle_everything()
    ledger = stub.stub.ledger
    found = compared(organisation, answers_of(organisation), [*ledger.calls, *ledger.searches])
    searches = [call for call in found.lost if not call.output_tokens and call in ledger.searches]
    found.lost = [call for call in found.lost if call not in searches]
    print(f"{kills} kills, {sum(found.answers.values()):,} answers, {interrupted} of them interrupted")
    print(f"searches that the ledger lacks: {len(searches)}, {sum(one.input_tokens for one in searches)} tokens")
    print("\n".join(report(found)))
    return int(not found.is_exact or BudgetHold.objects.exists())


def answers_of(organisation: Any) -> dict[str, UUID]:
    """By their marks, as the questions have them."""
    from chat.models import Message
    from tenants.context import entered

    with entered(organisation.schema_name):
        rows = Message.objects.filter(reply_to__isnull=False).values_list("reply_to__text", "pk")
        return {mark.group(1): pk for text, pk in rows if (mark := re.search(MARK, text))}


if __name__ == "__main__":
    sys.exit(main())
