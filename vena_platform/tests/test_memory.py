from __future__ import annotations

import subprocess
import sys

import pytest

COUNT = """
import ctypes, os, re, sys, threading
if sys.argv[1] == "shared":
    from vena_platform.memory import share_one_heap
    assert share_one_heap()
wait = threading.Barrier(9)
def hold():
    kept = [bytearray(60_000) for _ in range(20)]
    wait.wait(); wait.wait()
for _ in range(8):
    threading.Thread(target=hold, daemon=True).start()
wait.wait()
libc = ctypes.CDLL(None)
libc.malloc_stats()
wait.wait()
"""


def arenas(kind: str) -> int:
    process = subprocess.run([sys.executable, "-c", COUNT, kind], capture_output=True, text=True, check=True)
    return process.stderr.count("Arena ")


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's setting")
def test_threads_share_one_heap() -> None:
    assert arenas("shared") == 1 < arenas("each")
