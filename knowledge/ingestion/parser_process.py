"""The process that parses files: one job at a time over a pipe, within limits, until its parent is gone.

Run as `python -m knowledge.ingestion.parser_process PARENT_PID` by `knowledge.ingestion.sandbox`. Parsers meet hostile
files in here, so nothing in here is worth having: no secrets in the environment, no database, no sockets.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import faulthandler
import inspect
import os
import resource
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from math import ceil
from pathlib import Path
from typing import Any

from knowledge.errors import IngestionError
from knowledge.ingestion import frames
from knowledge.ingestion.parsed_file import write_parsed
from knowledge.ingestion.readers.limits import ReadLimits
from knowledge.types import ParsedDocument

Reader = Callable[[Path, str, ReadLimits, Path | None], ParsedDocument]

_LINUX = sys.platform == "linux"
_OPEN_FILES = 256
_LONGEST = 4000  # characters of a detail
_PR_SET_PDEATHSIG = 1
_KINDER = 5  # steps of niceness: answering people comes first


def read(path: Path, file_name: str, limits: ReadLimits, parts_folder: Path | None) -> ParsedDocument:
    from knowledge.ingestion.reading import read_document  # heavy: not before there is a file

    more: dict[str, Any] = {}
    if "parts_folder" in inspect.signature(read_document).parameters:
        more["parts_folder"] = parts_folder
    return read_document(path, file_name=file_name, limits=limits, **more)


def serve(reader: Reader = read) -> None:
    """Answer jobs from standard input on standard output, until the input ends."""
    jobs, answers = _own_pipes()
    _settle_in(parent=int(sys.argv[1]))
    frames.send(answers, {"ready": os.getpid()})
    with contextlib.suppress(frames.PipeClosed):
        while True:
            frames.send(answers, answer_to(frames.receive(jobs), reader) | {"rss": _resident()})


def answer_to(job: dict[str, Any], reader: Reader) -> dict[str, Any]:
    """Parse one file. `{"ok"}`, `{"error", "text", "detail"}` of ours, `{"complex"}` or `{"crash"}`."""
    try:
        with _limited(ReadLimits(**job["limits"])):
            folder = Path(job["parts_folder"]) if job["parts_folder"] else None
            os.chdir(folder or "/tmp")  # noqa: S108
            parsed = reader(Path(job["path"]), job["file_name"], ReadLimits(**job["limits"]), folder)
            write_parsed(Path(job["output"]), parsed, partial=Path(job["partial"]))
        return {"ok": True}
    except IngestionError as error:
        return {"error": error.code, "text": _short(error.text), "detail": _short(error.detail)}
    except (MemoryError, RecursionError) as error:
        return {"complex": type(error).__name__}
    except OSError as error:
        if error.errno in (errno.EFBIG, errno.ENOMEM):
            return {"complex": _short(repr(error))}
        return {"crash": _short(traceback.format_exc())}
    except Exception:  # noqa: BLE001 - the boundary: the parent reports it as a fault of ours
        return {"crash": _short(traceback.format_exc())}


def _own_pipes() -> tuple[int, int]:
    """Keep both pipes for us: what a library prints goes to standard error, what it asks for is empty."""
    jobs, answers = os.dup(0), os.dup(1)
    with open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)
    return jobs, answers


def _settle_in(parent: int) -> None:
    if _LINUX:
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit()
    faulthandler.enable()
    os.nice(_KINDER)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_NOFILE, _OPEN_FILES)


@contextlib.contextmanager
def _limited(limits: ReadLimits) -> Iterator[None]:
    """Soft limits beyond what this process has used so far, lifted again so that an answer can be made."""
    wanted = {resource.RLIMIT_FSIZE: limits.max_bytes + limits.max_unpacked_bytes}
    usage = resource.getrusage(resource.RUSAGE_SELF)
    wanted[resource.RLIMIT_CPU] = ceil(usage.ru_utime + usage.ru_stime + limits.max_seconds) + 1
    if _LINUX:
        pages = [int(number) for number in Path("/proc/self/statm").read_text().split()]
        wanted[resource.RLIMIT_DATA] = pages[5] * resource.getpagesize() + limits.max_memory_bytes
        # Mapped files count here as well, so that this one may be wide: it only stops what the other doesn't count.
        wanted[resource.RLIMIT_AS] = pages[0] * resource.getpagesize() + 2 * limits.max_memory_bytes + limits.max_bytes
    before = {kind: resource.getrlimit(kind) for kind in wanted}
    try:
        for kind, most in wanted.items():
            _limit(kind, most, hard=before[kind][1])
        yield
    finally:
        for kind, pair in before.items():
            resource.setrlimit(kind, pair)


def _limit(kind: int, most: int, hard: int | None = None) -> None:
    hard = most if hard is None else hard
    ceiling = resource.getrlimit(kind)[1]
    if ceiling != resource.RLIM_INFINITY:
        most = min(most, ceiling)
        hard = ceiling if hard == resource.RLIM_INFINITY else min(hard, ceiling)
    resource.setrlimit(kind, (most, hard))


def _resident() -> int:
    """Bytes of memory this process holds at the moment."""
    if not _LINUX:
        return 0
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def _short(text: str) -> str:
    return text[-_LONGEST:].encode(errors="replace").decode()


if __name__ == "__main__":
    serve()
