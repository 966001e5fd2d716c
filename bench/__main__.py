"""`make bench`: the whole measurement in one go, on a server and a stub provider of its own.

Starts Vena on a fresh home with the stub as provider, then measures added first-token time, streams held at once, the
cold start, ingestion, search, and whether the ledger holds under faults. Takes about fourteen minutes; keep the rest of
the machine idle.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from bench.stub_provider import StubProvider

HOST = "demo.localhost"
OWNER = "owner@demo.example"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--port", type=int, default=8765)
    parser.add_argument("--seconds", type=float, default=12)
    parser.add_argument("--users", default="1,10,50,200")
    parser.add_argument("--held", default="100,300,500")
    parser.add_argument("--held-seconds", type=float, default=60, help="how long each of these streams lasts")
    parser.add_argument("--skip-cold-start", action="store_true")
    parser.add_argument("--pdf", help="a long PDF, to measure the memory of reading it")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="vena-bench-") as folder, stub_process() as stub:
        home = Path(folder)
        environment = environment_for(home, options.port, stub)
        with server(environment, options.port):
            key = run(environment, "manage.py", "create_api_key", "demo", OWNER).strip()
            load(environment, options, stub, home, key)
        if not options.skip_cold_start:
            cold_start(environment, options.port, home, key)
    pdf = ["--pdf", options.pdf] if options.pdf else []
    subprocess.run([sys.executable, "-m", "bench.ingest", "--port", str(options.port), *pdf], check=False)
    subprocess.run([sys.executable, "-m", "bench.vectors", "--large"], check=False)
    subprocess.run([sys.executable, "-m", "bench.ledger_faults"], check=False)


def environment_for(home: Path, port: int, stub: str) -> dict[str, str]:
    model_folder = Path(".vena/models").resolve()
    return {
        **os.environ,
        "VENA_HOME": str(home),
        "VENA_MODEL_FOLDER": str(model_folder),
        "PORT": str(port),
        "OPENAI_API_KEY": "stub",
        "OPENAI_BASE_URL": f"{stub}/v1",
        "VENA_EMBEDDINGS": "local",
        "VENA_API_REQUESTS_PER_MINUTE": "1000000",
        "VENA_QUESTIONS_PER_MINUTE": "1000000",
        "VENA_QUESTIONS_PER_MINUTE_ORGANISATION": "1000000",
    }


@contextmanager
def stub_process() -> Iterator[str]:
    """In a process of its own, so that its CPU is not the load client's."""
    with StubProvider() as probe:  # only to find a free port
        port = int(httpx.URL(probe.openai_url).port or 0)
    process = subprocess.Popen([sys.executable, "-m", "bench.stub_provider", "--port", str(port)])
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


@contextmanager
def server(environment: dict[str, str], port: int) -> Iterator[None]:
    process = subprocess.Popen([sys.executable, "manage.py", "serve"], env=environment, stdout=subprocess.DEVNULL)
    try:
        wait_until_documents_answer(port)
        yield
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


def wait_until_documents_answer(port: int) -> None:
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline:
        try:
            ready = httpx.get(f"http://127.0.0.1:{port}/health/ready", timeout=5).status_code == 200
        except httpx.TransportError:
            ready = False
        if ready:
            time.sleep(8)  # the sample documents are taken in meanwhile
            return
        time.sleep(0.2)
    raise SystemExit("the server did not become ready")


def run(environment: dict[str, str], *command: str) -> str:
    return subprocess.run(
        [sys.executable, *command], env=environment, check=True, stdout=subprocess.PIPE, text=True
    ).stdout


def load(environment: dict[str, str], options: argparse.Namespace, stub: str, home: Path, key: str) -> None:
    pid = (home / "lock").read_text().strip()
    common = ["-m", "bench.chat_load", "--host", HOST, "--port", str(options.port), "--key", key, "--stub", stub]
    common += ["--pid", pid, "--home", str(home), "--seconds", str(options.seconds)]
    subprocess.run([sys.executable, *common, "--users", options.users], env=environment, check=False)
    cached = ["--users", "1,10", "--question", "How many days of annual leave do staff get?"]
    subprocess.run([sys.executable, *common, *cached], env=environment, check=False)
    floor = ["-m", "bench.floor", "--stub", stub, "--users", options.users, "--seconds", str(options.seconds)]
    subprocess.run([sys.executable, *floor], env=environment, check=False)
    for held in options.held.split(","):
        long = ["--held", held, "--seconds", str(options.held_seconds), "--patience", str(options.held_seconds + 120)]
        subprocess.run([sys.executable, *common, *long], env=environment, check=False)


def cold_start(environment: dict[str, str], port: int, home: Path, key: str) -> None:
    command = ["-m", "bench.cold_start", "--host", HOST, "--port", str(port), "--key", key, "--home", str(home)]
    command += ["--runs", "3", "--log", str(home / "cold_start.log"), "--"]
    subprocess.run([sys.executable, *command, sys.executable, "manage.py", "serve"], env=environment, check=False)


if __name__ == "__main__":
    main()
