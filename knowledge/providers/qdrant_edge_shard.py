"""One collection of the embedded engine, open: its locks, its files, and the copy that a child process optimises."""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

import qdrant_edge as engine

from knowledge.errors import IndexUnavailable
from knowledge.providers.qdrant_edge_words import dimensions_in

logger = logging.getLogger(__name__)

T = TypeVar("T")

CURRENT = "current"
_CHILD = """
import os, sys, qdrant_edge
os.nice(10)
shard = qdrant_edge.EdgeShard.load(sys.argv[1])
shard.optimize()
shard.flush()
shard.close()
"""


class Shard:
    """One open collection. `_engine_lock` is held for each engine call, `_write_lock` also keeps the files still."""

    def __init__(self, name: str, home: Path) -> None:
        self.name = name
        self.users = 0
        self.is_optimising = False
        self._home = home
        self._engine_lock = threading.Lock()
        self._write_lock = threading.Lock()
        self._journal: list[engine.UpdateOperation] | None = None  # writes to repeat on the copy
        self._child: subprocess.Popen[bytes] | None = None
        self._is_closed = False
        with translated(f"the folder {home} is damaged; remove it and re-index its documents"):
            self._folder = home / (home / CURRENT).read_text().strip()
            self.dimensions = dimensions_in(self._folder)
            self._engine = engine.EdgeShard.load(str(self._folder))
            info = self._engine.info()
        for other in home.iterdir():
            if other.is_dir() and other != self._folder:
                shutil.rmtree(other, ignore_errors=True)
        self.points = info.points_count
        self.unflushed = 0
        self.unoptimised = max(0, 2 * info.points_count - info.indexed_vectors_count)  # keyword vectors always count

    def run(self, call: Callable[[engine.EdgeShard], T]) -> T:
        with self._engine_lock:
            if self._is_closed:
                raise IndexUnavailable(detail=f"collection {self.name} was closed")
            return call(self._engine)

    def count(self, wanted: engine.Filter) -> int:
        return self.run(lambda e: e.count(engine.CountRequest(filter=wanted)))

    def retrieve(self, wanted: list[engine.PointId]) -> list[engine.Record]:
        """The stored ones of these points, without what they hold."""
        return self.run(lambda e: e.retrieve(wanted, with_payload=False, with_vector=False))

    def scroll(self, request: engine.ScrollRequest) -> tuple[list[engine.Record], engine.PointId | None]:
        return self.run(lambda e: e.scroll(request))

    def write(self, operation: engine.UpdateOperation, *, changed: int) -> None:
        with self._write_lock:
            self.run(lambda e: e.update(operation))
            if self._journal is not None:
                self._journal.append(operation)
            self.unflushed += changed
            self.unoptimised += changed

    def sync_log(self) -> None:
        sync_files(self._folder / "wal")

    def flush(self) -> None:
        with self._write_lock:
            sync_files(self._folder)
            self.run(lambda e: e.flush())
            self.points = self.run(lambda e: e.info()).points_count
            self.unflushed = 0

    def close(self) -> None:
        if self._child is not None:
            self._child.terminate()
        with self._write_lock:
            if not self._is_closed:
                sync_files(self._folder)
                with self._engine_lock:
                    self._is_closed = True
                    self._engine.close()

    # -- optimising a copy ------------------------------------------------------------------------

    def optimise(self) -> None:
        copy = self._home / uuid4().hex
        try:
            with translated(f"optimising {self._home}"):
                done = self._unoptimised_copied(copy)
                self._run_child(copy)
                self._adopt(copy, done)
        except IndexUnavailable as error:  # searching works without; try again after as many changes
            self.unoptimised = 0
            logger.warning("index.optimise_failed", extra={"collection": self.name, "detail": error.detail})
        finally:
            self._journal = None
            self._child = None
            if self._folder != copy:
                shutil.rmtree(copy, ignore_errors=True)
            self.is_optimising = False

    def _unoptimised_copied(self, copy: Path) -> int:
        """Copy the folder; writers wait for it, searches don't. Returns how many changes the copy holds."""
        self.flush()
        with self._write_lock:
            shutil.copytree(self._folder, copy)
            self._journal = []
            return self.unoptimised

    def _run_child(self, copy: Path) -> None:
        command = [sys.executable, "-c", _CHILD, str(copy)]
        self._child = subprocess.Popen(command, stdin=subprocess.DEVNULL)  # noqa: S603 (our own interpreter)
        if self._is_closed:
            self._child.terminate()
        status = self._child.wait()
        if status != 0 and not self._is_closed:
            raise IndexUnavailable(detail=f"the child process ended with status {status}")

    def _adopt(self, copy: Path, done: int) -> None:
        with self._write_lock:
            if self._is_closed:
                return
            fresh = engine.EdgeShard.load(str(copy))
            for operation in self._journal or ():
                fresh.update(operation)
            sync_files(copy)
            sync_files(self._folder)
            write_atomically(self._home / CURRENT, copy.name)
            with self._engine_lock:
                old, self._engine = self._engine, fresh
                old_folder, self._folder = self._folder, copy
            self.unoptimised -= done
            old.close()
        shutil.rmtree(old_folder, ignore_errors=True)
        logger.info("index.optimised", extra={"collection": self.name, "changes": done})


def missing(name: str) -> IndexUnavailable:
    return IndexUnavailable(detail=f"collection {name} does not exist; prepare it first")


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """The engine raises bare `Exception`, a panic of it is a `BaseException` called PanicException."""
    try:
        yield
    except OSError as error:
        raise IndexUnavailable(detail=f"{doing}: {error}") from error
    except BaseException as error:
        if type(error) is Exception or type(error).__name__ == "PanicException":
            raise IndexUnavailable(detail=f"{doing}: {error}") from error
        raise


# -- files ----------------------------------------------------------------------------------------


def locked(path: Path) -> int:
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        owner = os.read(handle, 32).decode(errors="replace").strip() or "unknown"
        os.close(handle)
        raise IndexUnavailable(
            "Another Vena process is using the search index. Stop it, or set QDRANT_URL to share a Qdrant server.",
            detail=f"{path.parent} is locked by process {owner}",
        ) from error
    os.ftruncate(handle, 0)
    os.pwrite(handle, str(os.getpid()).encode(), 0)
    return handle


def write_atomically(path: Path, text: str) -> None:
    draft = path.with_name(f".{path.name}-{uuid4().hex}")
    with draft.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    sync(path.parent)


def sync_files(folder: Path) -> None:
    """fsync writes a mapped file's pages too, and lets go of the GIL while it does."""
    for directory, _, files in os.walk(folder):
        for name in files:
            with suppress(FileNotFoundError):  # the engine removes log segments it has applied
                sync(Path(directory, name))


def sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
