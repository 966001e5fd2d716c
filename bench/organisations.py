"""What many organisations cost: the same sign-ins, pages and sockets with one organisation and with a hundred.

    python -m bench.organisations --organisations 100 --people 20

Starts Vena on a fresh home and makes organisations as sign-up does (a request, then the worker's task). With one and
with all of them, people of organisations drawn in turn sign in, open the first page and open a socket, a few at a time.
Then a migration that has nothing to do, over all. Figures are medians in milliseconds unless they say otherwise.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from bench.__main__ import environment_for, server, stub_process

PASSWORD = "correct horse battery"
AT_ONCE = 4
MARK = "figures: "


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.organisations", description=__doc__)
    parser.add_argument("--organisations", type=int, default=100)
    parser.add_argument("--people", type=int, default=20, help="of each organisation")
    parser.add_argument("--tries", type=int, default=100, help="sign-ins, pages and sockets in each measurement")
    parser.add_argument("--port", type=int, default=8767)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="vena-bench-") as folder, stub_process() as stub:
        environment = environment_for(Path(folder), options.port, stub)
        wish = {**vars(options), "address": f"http://127.0.0.1:{options.port}"}
        with server(environment, options.port):
            figures = inner(environment, wish)
            figures["migrate"] = migrated(environment, options.organisations)
    print(table(figures, options))


def inner(environment: dict[str, str], wish: dict[str, Any]) -> dict[str, Any]:
    """Runs beside the server, on its services."""
    code = f"from bench.organisations import measured; measured({wish!r})"
    command = [sys.executable, "manage.py", "shell", "--no-imports", "-c", code]
    done = subprocess.run(command, env={**os.environ, **environment}, stdout=subprocess.PIPE, text=True, check=True)
    line = next(one for one in done.stdout.splitlines() if one.startswith(MARK))
    found: dict[str, Any] = json.loads(line.removeprefix(MARK))
    return found


def migrated(environment: dict[str, str], organisations: int) -> dict[str, float]:
    def seconds() -> float:
        started = time.perf_counter()
        subprocess.run(
            [sys.executable, "manage.py", "migrate_organisations"],
            env={**os.environ, **environment},
            stdout=subprocess.DEVNULL,
            check=True,
        )
        return time.perf_counter() - started

    def start() -> float:
        started = time.perf_counter()
        subprocess.run(
            [sys.executable, "manage.py", "audit_verify", "public"],
            env={**os.environ, **environment},
            stdout=subprocess.DEVNULL,
            check=True,
        )
        return time.perf_counter() - started

    whole = statistics.median(seconds() for _ in range(3))
    empty = statistics.median(start() for _ in range(3))
    return {"seconds": whole, "start": empty, "thousand": empty + max(whole - empty, 0) / organisations * 1000}


def measured(wish: dict[str, Any]) -> None:
    made: list[Any] = []
    seconds = [make_organisation(made, wish["people"]) for _ in range(1)]
    one = latencies(made, wish)
    seconds += [make_organisation(made, wish["people"]) for _ in range(wish["organisations"] - 1)]
    many = latencies(made, wish)
    again = latencies(made[:1], wish)
    print(MARK + json.dumps({"made": seconds, "one": one, "many": many, "again": again}))


def make_organisation(made: list[Any], people: int) -> float:
    """Seconds from the request to open doors; its people are added after that."""
    from django.contrib.auth.hashers import make_password

    from accounts.models import User
    from tenants.actions import organisation_request
    from tenants.context import entered
    from vena_platform.tasks import provision_organisation

    number = len(made) + 1
    started = time.perf_counter()
    row = organisation_request(
        name=f"Bench {number}",
        slug=f"bench-{number}",
        owner_name="Owner",
        owner_email="owner@example.org",
        owner_password=PASSWORD,
    )
    provision_organisation.delay(provisioning_id=str(row.pk))
    while not row.finished_at:
        time.sleep(0.02)
        row.refresh_from_db()
        if row.failure_code or time.perf_counter() - started > 120:
            raise SystemExit(f"bench-{number}: {row.failure_detail or 'not made in 120 s'}")
    took = time.perf_counter() - started
    password = make_password(PASSWORD)
    with entered(row.organisation.schema_name):
        for person in range(people - 1):
            User.objects.create(email=f"person-{person}@example.org", name=f"Person {person}", password=password)
    made.append(row.organisation)
    return took


def latencies(made: list[Any], wish: dict[str, Any]) -> dict[str, dict[str, float]]:
    from tenants.selectors import organisation_url
    from vena_platform.isolation.wire import Browser, knocked

    hosts = [organisation_url(one).split("://")[1].strip("/") for one in made]
    people = [
        (hosts[turn % len(hosts)], f"person-{turn // len(hosts) % (wish['people'] - 1)}@example.org")
        for turn in range(wish["tries"])
    ]
    # Each from an address of its own: sign-ins from one address are limited.
    browsers = [
        Browser(wish["address"], host, local_address=f"127.0.{1 + turn // 200}.{1 + turn % 200}")
        for turn, (host, _) in enumerate(people)
    ]
    pairs = list(zip(browsers, [email for _, email in people], strict=True))

    def sign_in(pair: tuple[Any, str]) -> None:
        if not pair[0].sign_in(pair[1], PASSWORD):
            raise SystemExit(f"{pair[0].host}: {pair[1]} could not sign in")

    def page(pair: tuple[Any, str]) -> None:
        if (reply := pair[0].ask("GET", "/")).status != 200:
            raise SystemExit(f"{pair[0].host}: the first page was {reply.in_words}")

    def socket(pair: tuple[Any, str]) -> None:
        if (came := knocked(pair[0])) != "pong":
            raise SystemExit(f"{pair[0].host}: the socket was {came}")

    return {name: timed(act, pairs) for name, act in (("sign-in", sign_in), ("page", page), ("socket", socket))}


def timed(act: Callable[[Any], None], pairs: list[Any]) -> dict[str, float]:
    def one(pair: Any) -> float:
        started = time.perf_counter()
        act(pair)
        return (time.perf_counter() - started) * 1000

    with ThreadPoolExecutor(AT_ONCE) as pool:
        took = sorted(pool.map(one, pairs))
    return {"median": statistics.median(took), "p95": took[int(len(took) * 0.95) - 1]}


def table(figures: dict[str, Any], options: argparse.Namespace) -> str:
    lines = [f"| ms, {AT_ONCE} at once | 1 organisation | {options.organisations} | ratio | then 1 again |"]
    lines += ["|---|---|---|---|---|"]
    for name in ("sign-in", "page", "socket"):
        one, many, again = (figures[kind][name] for kind in ("one", "many", "again"))
        cells = [f"{figure['median']:.0f} (95 %: {figure['p95']:.0f})" for figure in (one, many, again)]
        lines.append(f"| {name} | {cells[0]} | {cells[1]} | {many['median'] / one['median']:.2f} | {cells[2]} |")
    made, migrate = figures["made"], figures["migrate"]
    last = statistics.median(made[-10:])
    lines += [
        "",
        f"A new organisation: the first {made[0]:.2f} s, median {statistics.median(made):.2f} s, "
        f"of the last ten {last:.2f} s.",
        f"A migration with nothing to do: {migrate['seconds']:.1f} s for {options.organisations} organisations, of "
        f"which {migrate['start']:.1f} s are the command's start; for 1,000: {migrate['thousand']:.1f} s.",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
