"""Load on a running Vena through the browser's path, `/ws/chat/`, with the stub as its provider.

    python -m bench.stub_provider --port 9100 --token-delay 0.02 &
    python -m bench.chat_load --host demo.localhost --port 8000 --key vk_... --stub http://127.0.0.1:9100 --pid 4711

Every user has a connection and asks again as soon as an answer is done. `--held 500` holds that many slow streams at
once instead. Prints a table; `--json FILE` keeps everything. bench/README.md says how to read it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psutil
import uvloop
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

SUBPROTOCOL = "vena.v1"
OPENING_AT_ONCE = 50
HELD_TOKENS_PER_SECOND = 20
SETTLE_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Target:
    """Where Vena listens, and as whom we ask."""

    host: str
    port: int
    keys: tuple[str, ...]
    address: str = "127.0.0.1"
    scheme: str = "ws"
    patience: float = 120.0

    def key(self, user: int) -> str:
        return self.keys[user % len(self.keys)]

    async def open(self, user: int) -> ClientConnection:
        return await connect(
            f"{self.scheme}://{self.host}:{self.port}/ws/chat/",
            host=self.address,
            port=self.port,
            subprotocols=[SUBPROTOCOL],  # type: ignore[list-item]
            additional_headers={"Authorization": f"Bearer {self.key(user)}"},
            compression=None,
            max_size=2**22,
            open_timeout=self.patience,
            ping_interval=None,
        )


# -- one answer -----------------------------------------------------------------------------------


@dataclass(slots=True)
class Outcome:
    """What one question came to. Times are seconds since it was asked."""

    status: str = "lost"  # the `done` frame's status, or error:<code>, closed, timeout
    first_delta: float | None = None
    finished: float = 0.0
    frames: int = 0
    missing: int = 0  # sequence numbers that never came
    reordered: int = 0
    differs: bool = False  # deltas joined are not `done.text`
    longest_gap: float = 0.0
    cached: bool = False

    @property
    def is_answered(self) -> bool:
        return self.first_delta is not None and self.status in ("answered", "done", "complete", "completed")


@dataclass(slots=True)
class Reading:
    """Follows the frames of one answer."""

    asked_at: float
    outcome: Outcome = field(default_factory=Outcome)
    texts: list[str] = field(default_factory=list)
    last_seq: int | None = None
    last_at: float = 0.0

    def take(self, frame: dict[str, Any]) -> bool:
        """True when the answer has ended."""
        match frame.get("type"):
            case "delta":
                self._delta(frame)
            case "done":
                self._sequence(frame)
                self._done(frame)
                return True
            case "error":
                self.outcome.status = f"error:{frame.get('code')}"
                return True
        return False

    def _delta(self, frame: dict[str, Any]) -> None:
        now = time.perf_counter()
        outcome = self.outcome
        if outcome.first_delta is None:
            outcome.first_delta = now - self.asked_at
        else:
            outcome.longest_gap = max(outcome.longest_gap, now - self.last_at)
        self.last_at = now
        outcome.frames += 1
        self._sequence(frame)
        self.texts.append(frame["text"])

    def _sequence(self, frame: dict[str, Any]) -> None:
        seq = frame.get("seq")
        if seq is None:
            return
        if self.last_seq is not None and seq <= self.last_seq:
            self.outcome.reordered += 1
            return
        if self.last_seq is not None:
            self.outcome.missing += seq - self.last_seq - 1
        self.last_seq = seq

    def _done(self, frame: dict[str, Any]) -> None:
        self.outcome.status = str(frame.get("status") or "done")
        self.outcome.cached = bool((frame.get("usage") or {}).get("cached"))
        self.outcome.differs = "".join(self.texts) != frame.get("text", "")


async def ask(connection: ClientConnection, text: str, patience: float) -> Outcome:
    client_id = str(uuid4())
    frame = {"type": "ask", "text": text, "conversation": None, "collections": None, "client_id": client_id}
    reading = Reading(asked_at=time.perf_counter())
    try:
        async with asyncio.timeout(patience):
            await connection.send(json.dumps(frame))
            while not reading.take(json.loads(await connection.recv())):
                pass
    except TimeoutError:
        reading.outcome.status = "timeout"
    except (WebSocketException, OSError):
        reading.outcome.status = "closed"
    reading.outcome.finished = time.perf_counter() - reading.asked_at
    return reading.outcome


# -- processes ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Usage:
    """CPU seconds since their start and memory of the server's processes, by kind."""

    cpu: dict[str, float]
    rss_mb: dict[str, float]
    pss_mb: dict[str, float]  # shared pages counted once: the honest figure for postgres
    processes: dict[str, int]


def kind_of(process: psutil.Process) -> str:
    name = process.name().lower()
    for kind in ("postgres", "valkey", "redis", "qdrant", "node"):
        if kind in name:
            return kind
    return "python" if "python" in name or "uvicorn" in name or "celery" in name else name


def processes_of(pids: Sequence[int], home: str = "") -> list[psutil.Process]:
    """The given processes, their descendants, and daemons that name `home` on their command line."""
    found: dict[int, psutil.Process] = {}
    for pid in pids:
        root = psutil.Process(pid)
        found |= {process.pid: process for process in (root, *root.children(recursive=True))}
    if home:
        for process in psutil.process_iter(["cmdline"]):
            if any(home in part for part in process.info["cmdline"] or ()) and kind_of(process) != "python":
                found |= {each.pid: each for each in (process, *process.children(recursive=True))}
    return list(found.values())


def usage_of(pids: Sequence[int], home: str = "") -> Usage:
    cpu: Counter[str] = Counter()
    rss: Counter[str] = Counter()
    pss: Counter[str] = Counter()
    count: Counter[str] = Counter()
    for process in processes_of(pids, home):
        try:
            kind, times, memory = kind_of(process), process.cpu_times(), process.memory_full_info()
        except psutil.Error:
            continue
        count[kind] += 1
        cpu[kind] += times.user + times.system  # type: ignore[assignment]
        rss[kind] += memory.rss
        pss[kind] += memory.pss
    return Usage(dict(cpu), in_megabytes(rss), in_megabytes(pss), dict(count))


def in_megabytes(sizes: Counter[str]) -> dict[str, float]:
    return {kind: round(size / 1e6, 1) for kind, size in sizes.items()}


# -- a round --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Settings:
    seconds: float
    question: str
    pids: tuple[int, ...]
    home: str
    provider_delay: float  # the stub's own, taken off the time to the first token


async def open_all(target: Target, users: int) -> list[ClientConnection]:
    gate = asyncio.Semaphore(OPENING_AT_ONCE)

    async def open_one(user: int) -> ClientConnection:
        async with gate:
            return await target.open(user)

    return list(await asyncio.gather(*[open_one(user) for user in range(users)]))


async def keep_asking(target: Target, user: int, connection: ClientConnection, settings: Settings) -> list[Outcome]:
    outcomes: list[Outcome] = []
    until = time.perf_counter() + settings.seconds
    while time.perf_counter() < until:
        question = settings.question.format(user=user, turn=len(outcomes), unique=uuid4().hex[:12])
        outcomes.append(await ask(connection, question, target.patience))
        if outcomes[-1].status in ("closed", "timeout"):
            connection = await reopened(target, user, connection)
        elif outcomes[-1].status.startswith("error:"):
            await asyncio.sleep(0.05)  # a refused question must not turn into a busy loop
    await connection.close()
    return outcomes


async def reopened(target: Target, user: int, connection: ClientConnection) -> ClientConnection:
    await connection.close()
    return await target.open(user)


async def run_users(target: Target, users: int, settings: Settings) -> dict[str, Any]:
    """So many users at once, each asking again at once."""
    connections = await open_all(target, users)
    await asyncio.sleep(SETTLE_SECONDS)
    before, started, own = usage_of(settings.pids, settings.home), time.perf_counter(), time.process_time()
    rounds = await asyncio.gather(
        *[keep_asking(target, user, connection, settings) for user, connection in enumerate(connections)]
    )
    elapsed = time.perf_counter() - started
    outcomes = [outcome for found in rounds for outcome in found]
    report = {"users": users, **summary(outcomes, elapsed, settings.provider_delay)}
    report |= cost(before, usage_of(settings.pids, settings.home), report["answered"])
    return {**report, "client_cpu_ms_per_answer": per(1000 * (time.process_time() - own), report["answered"])}


async def run_held(target: Target, streams: int, settings: Settings) -> dict[str, Any]:
    """So many streams of 20 tokens a second at once: does each keep its pace, and is it whole?"""
    once = Settings(0.001, settings.question, settings.pids, settings.home, settings.provider_delay)
    report = await run_users(target, streams, once)
    expected = settings.seconds
    return {**report, "mode": "held", "expected_s": expected, "stretch_p95": report["total_p95_ms"] / 1000 / expected}


def summary(outcomes: Sequence[Outcome], elapsed: float, provider_delay: float) -> dict[str, Any]:
    answered = [outcome for outcome in outcomes if outcome.is_answered]
    added = [1000 * ((outcome.first_delta or 0.0) - provider_delay) for outcome in answered]
    totals = [1000 * outcome.finished for outcome in answered]
    return {
        "asked": len(outcomes),
        "answered": len(answered),
        "failed": len(outcomes) - len(answered),
        "statuses": dict(Counter(outcome.status for outcome in outcomes)),
        "cached": sum(outcome.cached for outcome in outcomes),
        "ttft_added_p50_ms": percentile(added, 50),
        "ttft_added_p95_ms": percentile(added, 95),
        "ttft_added_max_ms": percentile(added, 100),
        "total_p50_ms": percentile(totals, 50),
        "total_p95_ms": percentile(totals, 95),
        "longest_gap_ms": percentile([1000 * outcome.longest_gap for outcome in answered], 100),
        "answers_per_s": round(len(answered) / elapsed, 2),
        "frames_per_answer": per(sum(outcome.frames for outcome in answered), len(answered)),
        "frames_missing": sum(outcome.missing for outcome in outcomes),
        "frames_reordered": sum(outcome.reordered for outcome in outcomes),
        "texts_differ": sum(outcome.differs for outcome in outcomes),
        "elapsed_s": round(elapsed, 2),
    }


def cost(before: Usage, after: Usage, answered: int) -> dict[str, Any]:
    spent = {kind: 1000 * (seconds - before.cpu.get(kind, 0.0)) for kind, seconds in after.cpu.items()}
    return {
        "cpu_ms_per_answer": {kind: per(milliseconds, answered) for kind, milliseconds in spent.items()},
        "cpu_ms_per_answer_all": per(sum(spent.values()), answered),
        "rss_mb": after.rss_mb,
        "pss_mb": after.pss_mb,
    }


def percentile(values: Sequence[float], share: int) -> float | None:
    if not values:
        return None
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, round(share / 100 * (len(ordered) - 1)))], 1)


def per(amount: float, number: int) -> float | None:
    return round(amount / number, 2) if number else None


# -- the stub -------------------------------------------------------------------------------------


class StubControl:
    """The stub's settings over HTTP. Without an address it changes nothing and knows no delay."""

    def __init__(self, url: str) -> None:
        self._url = url

    def set(self, **settings: Any) -> float:
        """Change settings; returns the delay before the first token."""
        if not self._url:
            return 0.0
        reply = httpx.post(f"{self._url}/control", json=settings).raise_for_status().json()
        return float(reply["first_token_delay"])


# -- the command ----------------------------------------------------------------------------------


COLUMNS = (
    ("users", "users"),
    ("answered", "answered"),
    ("failed", "failed"),
    ("TTFT added p50", "ttft_added_p50_ms"),
    ("p95 ms", "ttft_added_p95_ms"),
    ("question to done p50", "total_p50_ms"),
    ("p95 ms", "total_p95_ms"),
    ("of them cached", "cached"),
    ("answers/s", "answers_per_s"),
    ("CPU ms/answer", "cpu_ms_per_answer_all"),
    ("of it python", "cpu_ms_python"),
    ("frames missing", "frames_missing"),
    ("reordered", "frames_reordered"),
    ("texts differ", "texts_differ"),
    ("longest gap ms", "longest_gap_ms"),
    ("RSS python MB", "rss_mb_python"),
)


def table(reports: Iterable[dict[str, Any]]) -> str:
    rows = [[name for name, _ in COLUMNS]]
    for report in reports:
        flat = {
            **report,
            "cpu_ms_python": report["cpu_ms_per_answer"].get("python"),
            "rss_mb_python": report["rss_mb"].get("python"),
        }
        rows.append([str(flat.get(key, "")) for _, key in COLUMNS])
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    lines.insert(1, "|" + "---|" * len(COLUMNS))
    return "\n".join(lines)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", required=True, help="the organisation's host name, sent as Host")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--address", default="127.0.0.1", help="where to connect to")
    parser.add_argument("--key", action="append", default=[], help="API key; repeat it for several people")
    parser.add_argument("--keys-file", type=Path, help="one API key a line, one person each")
    parser.add_argument("--stub", default="", help="the stub's address, to set its pace")
    parser.add_argument("--users", default="1,10,50,200")
    parser.add_argument("--held", type=int, default=0, help="hold this many streams of 20 tokens/s instead")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--token-delay", type=float, default=0.02)
    parser.add_argument("--tokens", type=int, default=60)
    parser.add_argument(
        "--question",
        default="How many days of annual leave do staff get? ({unique})",
        help="may hold {user}, {turn} and {unique}; without {unique} the answer cache is measured",
    )
    parser.add_argument("--pid", type=int, action="append", default=[], help="a server process; repeatable")
    parser.add_argument("--home", default="", help="also count daemons that name this folder, such as postgres")
    parser.add_argument("--json", type=Path, help="write all figures here")
    parser.add_argument("--patience", type=float, default=120.0, help="seconds until an answer counts as lost")
    return parser.parse_args()


def target_of(arguments: argparse.Namespace) -> Target:
    keys = [*arguments.key]
    if arguments.keys_file:
        keys += arguments.keys_file.read_text().split()
    if not keys:
        sys.exit("give --key or --keys-file")
    return Target(arguments.host, arguments.port, tuple(keys), arguments.address, patience=arguments.patience)


async def run(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    target, stub = target_of(arguments), StubControl(arguments.stub)

    def settings(delay: float) -> Settings:
        return Settings(arguments.seconds, arguments.question, tuple(arguments.pid), arguments.home, delay)

    if arguments.held:
        tokens = round(arguments.seconds * HELD_TOKENS_PER_SECOND)
        delay = stub.set(tokens=tokens, token_delay=1 / HELD_TOKENS_PER_SECOND)
        return [await run_held(target, arguments.held, settings(delay))]
    delay = stub.set(tokens=arguments.tokens, token_delay=arguments.token_delay)
    await run_users(target, 1, Settings(1.0, arguments.question, (), "", delay))  # the first answer pays for imports
    reports = []
    for users in map(int, arguments.users.split(",")):
        reports.append(await run_users(target, users, settings(delay)))
        print(table(reports[-1:]).splitlines()[-1], file=sys.stderr, flush=True)
    return reports


def main() -> None:
    arguments = parse_arguments()
    reports = uvloop.run(run(arguments))
    print(table(reports))
    if arguments.json:
        arguments.json.write_text(json.dumps(reports, indent=1))
    if any(report["failed"] or report["frames_missing"] or report["texts_differ"] for report in reports):
        print(json.dumps([report["statuses"] for report in reports]))
        sys.exit(1)


if __name__ == "__main__":
    main()
