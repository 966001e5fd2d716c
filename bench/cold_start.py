"""How long Vena takes from the command to its first answer, and what it weighs when nobody asks.

    python -m bench.cold_start --directory . --host demo.localhost --port 8000 --key vk_... -- make run

The home must have been prepared (one earlier start); what is measured is a start, not an installation.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import httpx
import psutil
import uvloop

from bench.chat_load import Target, ask, usage_of

POLL_SECONDS = 0.05


def start(command: list[str], directory: Path, log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        return subprocess.Popen(command, cwd=directory, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)


def wait_until_ready(process: subprocess.Popen[bytes], arguments: argparse.Namespace) -> float:
    """Seconds until `/health/ready` says 200."""
    started = time.perf_counter()
    url = f"http://{arguments.address}:{arguments.port}{arguments.ready_path}"
    headers = {"Host": f"{arguments.host}:{arguments.port}"}
    with httpx.Client(timeout=2.0) as client:
        while time.perf_counter() - started < arguments.patience:
            if process.poll() is not None:
                sys.exit(f"the command ended with {process.returncode}; see {arguments.log}")
            try:
                if client.get(url, headers=headers).status_code == 200:
                    return time.perf_counter() - started
            except httpx.TransportError:
                pass
            time.sleep(POLL_SECONDS)
    sys.exit(f"not ready within {arguments.patience:g} s; see {arguments.log}")


async def first_answer(arguments: argparse.Namespace) -> dict[str, Any]:
    target = Target(arguments.host, arguments.port, (arguments.key,), arguments.address, patience=arguments.patience)
    started = time.perf_counter()
    connection = await target.open(0)
    opened = time.perf_counter() - started
    first = await ask(connection, arguments.question, arguments.patience)
    second = await ask(connection, f"{arguments.question} (again)", arguments.patience)
    await connection.close()
    return {
        "first_connection_s": round(opened, 3),
        "first_answer": {"status": first.status, "first_delta_s": first.first_delta, "done_s": first.finished},
        "second_answer": {"status": second.status, "first_delta_s": second.first_delta, "done_s": second.finished},
    }


def stop(process: subprocess.Popen[bytes], patience: float) -> float | None:
    """Seconds until it has ended after Ctrl-C; None when it had to be killed."""
    started = time.perf_counter()
    os.killpg(process.pid, signal.SIGINT)
    try:
        process.wait(timeout=patience)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return None
    return time.perf_counter() - started


def cpu_so_far(pid: int) -> float:
    tree = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    return sum(sum(process.cpu_times()[:2]) for process in tree)


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    process = start(arguments.command, arguments.directory, arguments.log)
    try:
        ready = wait_until_ready(process, arguments)
        report: dict[str, Any] = {"ready_s": round(ready, 2), "cpu_until_ready_s": round(cpu_so_far(process.pid), 2)}
        if arguments.key:
            report |= uvloop.run(first_answer(arguments))
        time.sleep(arguments.settle)
        before = usage_of([process.pid], arguments.home)
        time.sleep(arguments.idle)
        after = usage_of([process.pid], arguments.home)
        idle_cpu = sum(after.cpu.values()) - sum(before.cpu.values())
        report["idle"] = {**asdict(after), "cpu_percent_of_a_core": round(100 * idle_cpu / arguments.idle, 1)}
    finally:
        stopped = stop(process, arguments.patience) if process.poll() is None else None
    return {**report, "stop_s": round(stopped, 2) if stopped is not None else None}


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default="localhost", help="sent as Host; an organisation's, to ask a question there")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--key", default="", help="API key; without it no question is asked")
    parser.add_argument("--question", default="How many days of annual leave do staff get?")
    parser.add_argument("--directory", type=Path, default=Path())
    parser.add_argument("--home", default="", help="also count daemons that name this folder, such as postgres")
    parser.add_argument("--ready-path", default="/health/ready")
    parser.add_argument("--settle", type=float, default=5.0, help="seconds of rest before memory is read")
    parser.add_argument("--idle", type=float, default=5.0, help="seconds over which idle CPU is read")
    parser.add_argument("--patience", type=float, default=120.0)
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--log", type=Path, default=Path("cold_start.log"), help="the server's output")
    parser.add_argument("--json", type=Path)
    parser.add_argument("command", nargs=argparse.REMAINDER, help="after --; default: make run")
    arguments = parser.parse_args()
    arguments.command = [part for part in arguments.command if part != "--"] or shlex.split("make run")
    return arguments


def main() -> None:
    arguments = parse_arguments()
    reports = [measure(arguments) for _ in range(arguments.runs)]
    print(json.dumps(reports, indent=1))
    if arguments.json:
        arguments.json.write_text(json.dumps(reports, indent=1))


if __name__ == "__main__":
    main()
