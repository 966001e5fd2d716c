"""A parser process whose files say what it has to suffer: the real process, pipes and limits around a reader of ours.

Run as `python -m knowledge.tests.ingestion.parser_that_obeys PARENT_PID`, in the place of the real one.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from knowledge.errors import EncryptedDocument
from knowledge.ingestion.parser_process import serve
from knowledge.ingestion.readers.limits import ReadLimits
from knowledge.types import Block, BlockKind, ParsedDocument, Part

COMMAND = (sys.executable, "-P", "-m", "knowledge.tests.ingestion.parser_that_obeys")
_MEGABYTE = 1024 * 1024


def obey(path: Path, file_name: str, limits: ReadLimits, parts_folder: Path | None) -> ParsedDocument:
    verb, _, argument = path.read_text().partition(" ")
    if verb == "claim":
        return ParsedDocument((), parts=(Part("a.txt", Path(argument)),))
    if verb == "link":
        Path("link").symlink_to(argument)
        return ParsedDocument((), parts=(Part("a.txt", Path("link").absolute()),))
    return ParsedDocument((Block(BlockKind.PARAGRAPH, _VERBS[verb](argument)),), title=file_name)


def _say(words: str) -> str:
    return words


def _sleep(seconds: str) -> str:
    time.sleep(float(seconds))
    return f"slept {seconds} s"


def _spin(seconds: str) -> str:
    until = time.monotonic() + float(seconds)
    while time.monotonic() < until:
        pass
    return f"span {seconds} s"


def _take(megabytes: str) -> str:
    return f"{len(bytearray(int(megabytes) * _MEGABYTE))} bytes"


def _creep(megabytes: str) -> str:
    """Take memory in small steps, slowly, by way of a process that has no limit from us: only the watch sees it."""
    code = f"import time\nheld = []\nfor _ in range({megabytes}): held.append(b'x' * {_MEGABYTE}); time.sleep(.002)"
    subprocess.run([sys.executable, "-c", f"{code}\ntime.sleep(60)"], check=True, preexec_fn=_unlimited)
    return "crept"


def _unlimited() -> None:
    import resource

    for kind in (resource.RLIMIT_DATA, resource.RLIMIT_AS):
        resource.setrlimit(kind, (resource.getrlimit(kind)[1],) * 2)


def _die(how: str) -> str:
    if how == "segfault":
        ctypes.string_at(0)
    elif how.startswith("exit"):
        os._exit(int(how.removeprefix("exit")))
    os.kill(os.getpid(), signal.Signals[how])
    return "alive"


def _raise(what: str) -> str:
    if what == "ours":
        raise EncryptedDocument("This one is locked.", detail="by the test")
    raise {"fault": ZeroDivisionError, "memory": MemoryError, "depth": RecursionError}[what]("by the test")


def _print(lines: str) -> str:
    """What a chatty library does: write where the answers go, and ask for what will never come."""
    sys.stdout.write("noise " * int(lines))
    sys.stdout.flush()
    os.write(1, b"\xff" * 1000)
    return f"read {sys.stdin.read()!r}"


def _write(megabytes: str) -> str:
    with open("big", "wb") as file:
        for _ in range(int(megabytes)):
            file.write(bytes(_MEGABYTE))
    return "written"


def _show(what: str) -> str:
    if what == "environment":
        return Path("/proc/self/environ").read_text().replace("\0", "\n")
    return str(os.getpid())


_VERBS = {
    "say": _say,
    "sleep": _sleep,
    "spin": _spin,
    "take": _take,
    "creep": _creep,
    "die": _die,
    "raise": _raise,
    "print": _print,
    "write": _write,
    "show": _show,
}

if __name__ == "__main__":
    serve(obey)
