"""Parser processes waiting for work: started on demand, ended when idle, worn or no longer wanted."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path

import psutil

_ROOT = Path(__file__).resolve().parents[2]
_KEPT = ("PATH", "LANG", "LANGUAGE", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "TESSDATA_PREFIX")
_KEPT_FAMILIES = ("LC_", "PYTHON")
_COMMAND = (sys.executable, "-P", "-m", "knowledge.ingestion.parser_process")  # -P: never import from the work folder
_LAST_WORDS = 2000  # bytes of what a dying process wrote


def scrubbed_environment() -> dict[str, str]:
    """What a parser needs to run. None of our secrets."""
    kept = {name: value for name, value in os.environ.items() if name in _KEPT or name.startswith(_KEPT_FAMILIES)}
    paths = [str(_ROOT), kept.get("PYTHONPATH", "")]
    return kept | {
        "PYTHONPATH": os.pathsep.join(path for path in paths if path),
        "OMP_THREAD_LIMIT": "1",  # text recognition takes one core, not all
        "MALLOC_ARENA_MAX": "2",
    }


class ParserChild:
    """One running process with its two pipes, leader of its own group."""

    def __init__(self, command: Sequence[str]) -> None:
        self._stderr = tempfile.TemporaryFile("a+b")  # noqa: SIM115 - open as long as the process lives
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            [*command, str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            bufsize=0,
            env=scrubbed_environment(),
            cwd=tempfile.gettempdir(),
            start_new_session=True,
        )
        assert self._process.stdin is not None  # noqa: S101 - for the type checker
        assert self._process.stdout is not None  # noqa: S101
        self.jobs, self.answers = self._process.stdin.fileno(), self._process.stdout.fileno()
        self.pid = self._process.pid
        self.is_ready = False
        self.files = 0  # answered so far
        self.rss = 0  # bytes, after the last file
        self.idle_since = 0.0

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def memory(self) -> int:
        """Bytes held by the process and whatever it started."""
        held = 0
        with suppress(psutil.Error):
            process = psutil.Process(self.pid)
            for member in (process, *process.children(recursive=True)):
                with suppress(psutil.Error):
                    held += member.memory_info().rss
        return held

    def end(self) -> str:
        """Kill it with all it started; how it ended, for us. Returns at once when it is dead already."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()
        code, words = self._process.returncode, self._last_words()
        self.let_go()
        how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit {code}"
        return f"the parser process ended with {how}. {words}".strip()

    def let_go(self) -> None:
        """Close our ends without touching the process."""
        for file in (self._process.stdin, self._process.stdout, self._stderr):
            with suppress(OSError):
                file.close()  # type: ignore[union-attr]

    def _last_words(self) -> str:
        with suppress(OSError, ValueError):
            size = self._stderr.seek(0, os.SEEK_END)
            self._stderr.seek(max(0, size - _LAST_WORDS))
            return self._stderr.read().decode(errors="replace").strip()
        return ""

    def forget_words(self) -> None:
        self._stderr.truncate(0)


class ParserPool:
    """At most as many processes as there were callers at once. Safe to use from many threads."""

    def __init__(
        self,
        command: Sequence[str] = _COMMAND,
        *,
        idle_seconds: float = 60.0,
        max_files: int = 500,
        max_rss: int = 400 * 1024 * 1024,
    ) -> None:
        self._command = command
        self._idle_seconds = idle_seconds
        self._max_files = max_files
        self._max_rss = max_rss
        self._idle: list[ParserChild] = []
        self._lock = threading.Lock()
        self._orders: queue.SimpleQueue[Future[ParserChild]] = queue.SimpleQueue()
        self._keeper: threading.Thread | None = None

    def take(self) -> ParserChild:
        """An idle process, the one used last, or a new one."""
        while True:
            with self._lock:
                if not self._idle:
                    break
                child = self._idle.pop()
            if child.is_alive:
                return child
            child.end()
        return self.start()

    def start(self) -> ParserChild:
        """A new process. Linux kills it when the thread that started it ends, so the keeper starts all of them."""
        with self._lock:
            if self._keeper is None:
                self._keeper = threading.Thread(target=self._keep, name="parser-keeper", daemon=True)
                self._keeper.start()
        order: Future[ParserChild] = Future()
        self._orders.put(order)
        return order.result()

    def give_back(self, child: ParserChild, *, rss: int, is_sound: bool, files: int = 1) -> None:
        child.files += files
        child.rss = rss
        child.idle_since = time.monotonic()
        if not is_sound or child.files >= self._max_files or rss > self._max_rss:
            child.end()
            return
        child.forget_words()
        with self._lock:
            self._idle.append(child)

    def close(self) -> None:
        """End the idle ones; those at work end with their callers."""
        for child in self._taken(lambda child: True):
            child.end()

    def abandon(self) -> None:
        """In a forked copy of the process: leave the parsers to their parent."""
        for child in self._idle:
            child.let_go()

    def _keep(self) -> None:
        """Start what is ordered; in between, end what nobody has used for a while."""
        while True:
            try:
                order = self._orders.get(timeout=self._idle_seconds / 4)
            except queue.Empty:
                self._end_unused()
                continue
            try:
                order.set_result(ParserChild(self._command))
            except Exception as error:  # noqa: BLE001 - it is raised in the thread that ordered
                order.set_exception(error)

    def _end_unused(self) -> None:
        before = time.monotonic() - self._idle_seconds
        for child in self._taken(lambda child: child.idle_since < before):
            child.end()

    def _taken(self, is_wanted: Callable[[ParserChild], bool]) -> list[ParserChild]:
        with self._lock:
            taken = [child for child in self._idle if is_wanted(child)]
            self._idle = [child for child in self._idle if child not in taken]
        return taken
