"""How fast documents come in, what of it is ours, and what a repeat costs.

    python -m bench.ingest [--files 200] [--local-files 40] [--at-once 25] [--port 8766] [--pdf FILE]

Starts Vena on a fresh home twice: with the stub's embeddings (1,536 dimensions, no delay: what is left is ours) and
with the local model. Files are sent over the REST API by as many senders as a browser uses; the clock stops when the
last one is ready; once with a file a request, once with several. The local model's share: the time it takes alone, in a
process of its own, for the same texts in the same windows, over the time of the whole ingestion; and the same of CPU,
which says more where other work takes turns on the machine.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import psutil

from bench.__main__ import OWNER, environment_for, run, server, stub_process
from bench.chat_load import usage_of

SENDERS = 2
POLL_SECONDS = 0.25  # a look costs what any request does, and that is counted as ours
WORDS = (
    "account annual answer apply approve archive audit balance board branch budget carry change charge claim client "
    "close collect commit company compare confirm contract copy cost count credit customer data deliver depart deposit "
    "draft earn employ entitle estimate exceed expense export file finance forward fund grant handle hire hold holiday "
    "insure invoice issue item joint keep late leave ledger letter level licence limit list loan manage market measure "
    "meet method month move notice number offer office open order owner page part pay pension period plan policy price "
    "process product profit project prove purchase quarter rate reach receive record refund region report request rest "
    "return review rule salary sale save schedule section sell send serve share shift sign staff standard start state "
    "stock store submit supply table tariff tax team term time title total trade train transfer travel unit update use "
    "value vendor visit wage warrant week work year"
).split()


@dataclass(frozen=True, slots=True)
class Round:
    """Seconds, CPU milliseconds of every process of ours, and what was taken in."""

    files: int
    chunks: int
    seconds: float
    cpu_ms: float
    texts_embedded: int
    rss_mb: float


def corpus(count: int, size: int = 5_000, seed: int = 7) -> dict[str, bytes]:
    """Markdown files of `size` bytes with headings and paragraphs; the same every time."""
    source = random.Random(seed)
    return {f"file-{number:04}.md": document(source, size) for number in range(count)}


def document(source: random.Random, size: int) -> bytes:
    parts = [f"# {' '.join(source.choices(WORDS, k=4)).title()}\n"]
    while sum(map(len, parts)) < size:
        parts.append(f"\n## {' '.join(source.choices(WORDS, k=3)).title()}\n\n")
        parts += [sentence(source) for _ in range(source.randint(6, 12))]
    return "".join(parts).encode()[:size]


def sentence(source: random.Random) -> str:
    return " ".join(source.choices(WORDS, k=source.randint(8, 18))).capitalize() + ". "


class Api:
    """The organisation's REST API, as a customer's script would use it."""

    def __init__(self, port: int, key: str) -> None:
        self._url = f"http://127.0.0.1:{port}/api/v1/"
        self._headers = {"Host": f"demo.localhost:{port}", "Authorization": f"Bearer {key}"}
        self._local = threading.local()

    def call(self, method: str, path: str, **options: Any) -> Any:
        if not hasattr(self._local, "client"):
            self._local.client = httpx.Client(base_url=self._url, headers=self._headers, timeout=60)
        answer = self._local.client.request(method, path, **options)
        answer.raise_for_status()
        return answer.json()

    def collection(self, name: str) -> str:
        return str(self.call("POST", "collections/", json={"name": name})["id"])

    def send(self, collection: str, files: dict[str, bytes], at_once: int = 1) -> list[dict[str, Any]]:
        """`at_once` files a request; what became of each."""

        def some(items: list[tuple[str, bytes]]) -> list[dict[str, Any]]:
            field = "files" if at_once > 1 else "file"
            sent = self.call(
                "POST", "documents/", data={"collection": collection}, files=[(field, one) for one in items]
            )
            return list(sent["results"]) if at_once > 1 else [sent]

        items = list(files.items())
        with ThreadPoolExecutor(SENDERS) as senders:
            requests = [items[start : start + at_once] for start in range(0, len(items), at_once)]
            return [row for rows in senders.map(some, requests) for row in rows]

    def send_changed(self, collection: str, files: dict[str, bytes]) -> list[dict[str, Any]]:
        """Asks by hashes first, as a script that keeps a folder in step would; only what changed is sent."""
        named = [{"name": name, "sha256": sha256(content).hexdigest()} for name, content in files.items()]
        asked = self.call("POST", "documents/known/", json={"collection": collection, "files": named})["results"]
        changed = {name: files[name] for name, one in zip(files, asked, strict=True) if one["change"] != "unchanged"}
        return [*self.send(collection, changed, at_once=25), *(one for one in asked if one["change"] == "unchanged")]

    def documents(self, collection: str) -> list[dict[str, Any]]:
        found, path = [], f"documents/?collection={collection}&page_size=100"
        while path:
            page = self.call("GET", path)
            found += page["results"]
            path = page["next"].partition("/api/v1/")[2] if page["next"] else ""
        return found

    def has(self, collection: str, state: str) -> bool:
        return bool(self.call("GET", f"documents/?collection={collection}&state={state}&page_size=1")["results"])

    def wait(self, collection: str, count: int, patience: float = 900) -> list[dict[str, Any]]:
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if not self.has(collection, "queued,reading,chunking,embedding"):
                rows = self.documents(collection)
                if sum(row["state"] in ("ready", "failed") for row in rows) >= count:
                    return rows
            time.sleep(POLL_SECONDS)
        raise SystemExit("the documents did not become ready")


def measured(
    api: Api, name: str, files: dict[str, bytes], pid: int, home: Path, stub: str, at_once: int = 1
) -> tuple[Round, str]:
    collection = api.collection(name)
    before, texts, started = usage_of([pid], str(home)), texts_embedded(stub), time.perf_counter()
    api.send(collection, files, at_once)
    rows = api.wait(collection, len(files))
    seconds, after = time.perf_counter() - started, usage_of([pid], str(home))
    failed = [row["failure"] for row in rows if row["state"] == "failed"]
    if failed:
        raise SystemExit(f"{len(failed)} files failed: {failed[0]}")
    chunks = sum(row["chunks"] for row in rows)
    return spent(rows, seconds, before, after, texts_embedded(stub) - texts, chunks), collection


def repeated(send: Callable[[], list[dict[str, Any]]], chunks: int, pid: int, home: Path, stub: str) -> Round:
    before, texts, started = usage_of([pid], str(home)), texts_embedded(stub), time.perf_counter()
    answers = send()
    seconds, after = time.perf_counter() - started, usage_of([pid], str(home))
    changed = [answer["change"] for answer in answers if answer["change"] != "unchanged"]
    if changed:
        raise SystemExit(f"{len(changed)} files of an unchanged corpus were taken for new")
    return spent(answers, seconds, before, after, texts_embedded(stub) - texts, chunks)


def spent(rows: list[dict[str, Any]], seconds: float, before: Any, after: Any, texts: int, chunks: int) -> Round:
    cpu = sum(after.cpu.values()) - sum(before.cpu.values())
    return Round(len(rows), chunks, seconds, 1000 * cpu, texts, max(after.rss_mb.values(), default=0))


def texts_embedded(stub: str) -> int:
    if not stub:
        return 0
    return int(httpx.get(f"{stub}/counts").json()["total"].get("texts", 0))


def with_server(environment: dict[str, str], port: int, home: Path) -> tuple[Api, int]:
    key = run(environment, "manage.py", "create_api_key", "demo", OWNER).strip()
    return Api(port, key), int((home / "lock").read_text())


def model_alone(count: int, seed: int) -> tuple[float, float]:
    """Seconds and CPU seconds the local model needs for the texts of this corpus, asked as the ingestion asks it, with
    nothing else to do."""
    code = (
        "import asyncio, sys, time\n"
        "from pathlib import Path\n"
        "from bench.ingest import texts_of, corpus\n"
        "from knowledge.providers.local_embeddings import LocalEmbedder\n"
        "model = LocalEmbedder(Path('.vena/models'), threads=2)\n"
        "texts = texts_of(corpus(int(sys.argv[1]), seed=int(sys.argv[2])), model)\n"
        "asyncio.run(model.embed_query('warm'))\n"
        "started, cpu, size = time.perf_counter(), time.process_time(), model.window\n"
        "for at in range(0, len(texts), size):\n"
        "    asyncio.run(model.embed_documents_with_tokens(texts[at:at + size]))\n"
        "print(time.perf_counter() - started, time.process_time() - cpu)\n"
    )
    command = [sys.executable, "-c", code, str(count), str(seed)]
    seconds, cpu = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return float(seconds), float(cpu)


def texts_of(files: dict[str, bytes], model: Any) -> list[str]:
    from knowledge.ingestion.chunking import chunk_document
    from knowledge.ingestion.reading import read_document

    texts = []
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            path = Path(folder, name)
            path.write_bytes(content)
            drafts = chunk_document(
                read_document(path, file_name=name), title=path.stem, count_tokens=model.count_tokens
            )
            texts += [draft.embedding_text for draft in drafts]
    return texts


def pdf_memory(pdf: Path) -> tuple[float, float, int]:
    """Peak memory (MB), seconds and pages of a process that reads and cuts one PDF, as the worker's child does."""
    code = (
        "import resource, sys, time\n"
        "from pathlib import Path\n"
        "from knowledge.ingestion.reading import read_document\n"
        "from knowledge.ingestion.chunking import chunk_document\n"
        "started = time.perf_counter()\n"
        "parsed = read_document(Path(sys.argv[1]), file_name='a.pdf')\n"
        "chunks = chunk_document(parsed, title='a', count_tokens=lambda text: len(text) // 4)\n"
        "peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024\n"
        "print(peak, time.perf_counter() - started, parsed.page_count)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(pdf)], check=True, capture_output=True, text=True)
    peak, seconds, pages = done.stdout.split()
    return float(peak), float(seconds), int(pages)


class PeakMemory(threading.Thread):
    """The most memory that the server and its children had at once, looked at ten times a second."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._process, self.peak_mb, self._done = psutil.Process(pid), 0.0, threading.Event()

    def run(self) -> None:
        while not self._done.wait(0.1):
            try:
                family = [self._process, *self._process.children(recursive=True)]
                python = [one for one in family if "python" in one.name()]
                self.peak_mb = max([self.peak_mb, *(one.memory_info().rss / 1e6 for one in python)])
            except psutil.Error:
                continue

    def stop(self) -> float:
        self._done.set()
        self.join()
        return self.peak_mb


def row(name: str, result: Round, reference: Round | None = None) -> str:
    faster = f"{reference.seconds / result.seconds:.0f} ×" if reference else ""
    return (
        f"| {name} | {result.files} | {result.chunks} | {result.seconds:.2f} | {result.files / result.seconds:.1f} | "
        f"{result.chunks / result.seconds:.0f} | {result.cpu_ms / result.files:.1f} | "
        f"{result.texts_embedded} | {faster} |"
    )


HEAD = (
    "| | files | chunks | seconds | files/s | chunks/s | CPU ms a file | texts embedded by the stub "
    "| than the first time |\n"
    "|---|---|---|---|---|---|---|---|---|"
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.ingest", description=__doc__)
    parser.add_argument("--files", type=int, default=200)
    parser.add_argument("--local-files", type=int, default=40)
    parser.add_argument("--at-once", type=int, default=25, help="files in a request, beside one a request")
    parser.add_argument("--port", type=int, default=8766)
    parser.add_argument("--pdf", type=Path, default=None, help="a long PDF, to measure memory with")
    options = parser.parse_args()
    print(HEAD, flush=True)
    with tempfile.TemporaryDirectory(prefix="vena-bench-") as folder, stub_process() as stub:
        with_stub(options, Path(folder), stub)
    with tempfile.TemporaryDirectory(prefix="vena-bench-") as folder:
        with_local_model(options, Path(folder))


def with_stub(options: argparse.Namespace, home: Path, stub: str) -> None:
    environment = {**environment_for(home, options.port, stub), "VENA_EMBEDDINGS": "openai"}
    environment["VENA_CHAT_PROVIDER"] = "extractive"
    with server(environment, options.port):
        api, pid = with_server(environment, options.port, home)
        measured(api, "warm-up", corpus(20, seed=1), pid, home, stub)
        measured(api, "warm-up together", corpus(40, seed=2), pid, home, stub, options.at_once)
        for seed, at_once in ((7, 1), (8, options.at_once)):
            first_and_again(api, "stub embeddings", corpus(options.files, seed=seed), pid, home, stub, at_once)
        if options.pdf:
            memory(api, options.pdf, pid)


def memory(api: Api, pdf: Path, pid: int) -> None:
    watch = PeakMemory(pid)
    watch.start()
    collection = api.collection("pdf")
    api.send(collection, {pdf.name: pdf.read_bytes()})
    rows = api.wait(collection, 1)
    whole = watch.stop()
    peak, seconds, pages = pdf_memory(pdf)
    print(
        f"\n{pages}-page PDF: read and cut alone {peak:.0f} MB in {seconds:.1f} s; state {rows[0]['state']};", end=" "
    )
    print(f"largest process of the server meanwhile {whole:.0f} MB\n", flush=True)


def with_local_model(options: argparse.Namespace, home: Path) -> None:
    environment = {**os.environ, "VENA_HOME": str(home), "VENA_MODEL_FOLDER": str(Path(".vena/models").resolve())}
    environment |= {"PORT": str(options.port), "VENA_EMBEDDINGS": "local", "VENA_CHAT_PROVIDER": "extractive"}
    environment["VENA_API_REQUESTS_PER_MINUTE"] = "1000000"
    with server(environment, options.port):
        api, pid = with_server(environment, options.port, home)
        measured(api, "warm-up", corpus(2, seed=1), pid, home, "")
        rounds = {
            seed: first_and_again(api, "local model", corpus(options.local_files, seed=seed), pid, home, "", at_once)
            for seed, at_once in ((7, 1), (8, options.at_once))
        }
    print()
    for seed, first in rounds.items():
        seconds, cpu = model_alone(options.local_files, seed)
        print(
            f"The model alone needs {seconds:.1f} s for these texts: {seconds / first.seconds:.0%} of the ingestion's "
            f"time, and {1000 * cpu / first.cpu_ms:.0%} of its CPU."
        )


def first_and_again(
    api: Api, name: str, files: dict[str, bytes], pid: int, home: Path, stub: str, at_once: int
) -> Round:
    named = f"{name}, {at_once} a request"
    first, collection = measured(api, named, files, pid, home, stub, at_once)
    print(row(named, first), flush=True)
    for again, send in (
        ("the same files again", partial(api.send, collection, files, at_once)),
        ("again, asked by hashes first", partial(api.send_changed, collection, files)),
    ):
        print(row(again, repeated(send, first.chunks, pid, home, stub), first), flush=True)
    return first


if __name__ == "__main__":
    main()
