"""Whatever happens inside a parser process, it ends in a code of ours, soon, and the next file is read."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from knowledge.errors import DocumentTooComplex, EncryptedDocument
from knowledge.ingestion.parser_pool import ParserPool
from knowledge.ingestion.readers.limits import MEGABYTE, ReadLimits
from knowledge.ingestion.sandbox import ParserBroken, SmallFile, parse, parse_each
from knowledge.tests.ingestion.parser_that_obeys import COMMAND

LIMITS = ReadLimits(max_seconds=20, max_memory_bytes=200 * MEGABYTE)
Read = Callable[..., str]


class Unwanted(Exception):
    """What a check raises when the work is no longer wanted."""


def reader_of(pool: ParserPool, folder: Path) -> Read:
    def read(order: str, *, limits: ReadLimits = LIMITS, check: Callable[[], None] = lambda: None) -> str:
        """The text a parser process answers this order with."""
        place = folder / f"{threading.get_ident()}-{time.monotonic_ns()}"
        place.mkdir()
        (place / "file").write_text(order)
        (place / "parts").mkdir()
        parsed = parse(
            place / "file",
            file_name="a.txt",
            limits=limits,
            output=place / "out",
            parts_folder=place / "parts",
            check=check,
            pool=pool,
        )
        assert sorted(path.name for path in place.iterdir()) == ["file", "out", "parts"]
        return parsed.blocks[0].text

    return read


@pytest.fixture(scope="module")
def pool() -> Iterator[ParserPool]:
    """One for the module: a process that survived what a test did to it has to serve the next one."""
    with closing(ParserPool(COMMAND)) as made:
        yield made


@pytest.fixture
def read(pool: ParserPool, tmp_path: Path) -> Iterator[Read]:
    found = reader_of(pool, tmp_path)
    yield found
    assert found("say hello") == "hello"  # and the next file is read


def parsers() -> list[psutil.Process]:
    return [child for child in psutil.Process().children(recursive=True) if child.status() != psutil.STATUS_ZOMBIE]


def gone_within(seconds: float, is_gone: Callable[[], bool]) -> bool:
    until = time.monotonic() + seconds
    while not is_gone():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


# -- too much -------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ["sleep 60", "spin 60"])
def test_more_time_than_granted(read: Read, order: str) -> None:
    started = time.monotonic()
    with pytest.raises(DocumentTooComplex) as caught:
        read(order, limits=ReadLimits(max_seconds=0.5))
    assert caught.value.detail == "more than 0.5 s"
    assert time.monotonic() - started < 20


@pytest.mark.parametrize(("order", "said"), [("take 400", "MemoryError"), ("creep 400", "bytes of memory")])
def test_more_memory_than_granted(read: Read, order: str, said: str) -> None:
    """At once in the process, where its own limit ends it, or step by step in one of its children."""
    ours = psutil.Process().memory_info().rss
    with pytest.raises(DocumentTooComplex) as caught:
        read(order)
    assert said in caught.value.detail
    assert psutil.Process().memory_info().rss - ours < 50 * MEGABYTE


def test_memory_is_granted_to_each_file_anew(read: Read) -> None:
    for _ in range(3):
        assert read("take 150") == f"{150 * MEGABYTE} bytes"


def test_a_file_that_fills_the_disk(read: Read) -> None:
    with pytest.raises(DocumentTooComplex):
        read("write 20", limits=ReadLimits(max_bytes=MEGABYTE, max_unpacked_bytes=MEGABYTE))


# -- sudden ends ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("segfault", "SIGSEGV"),
        ("SIGKILL", "SIGKILL"),
        ("SIGABRT", "SIGABRT"),
        ("SIGXCPU", "SIGXCPU"),
        ("exit3", "exit 3"),
        ("exit0", "exit 0"),
    ],
)
def test_a_process_that_dies_under_its_file(read: Read, how: str, said: str) -> None:
    with pytest.raises(DocumentTooComplex) as caught:
        read(f"die {how}")
    assert said in caught.value.detail
    assert caught.value.text.endswith("then upload it again.")


def test_a_segfault_leaves_word_of_where_it_was(read: Read) -> None:
    with pytest.raises(DocumentTooComplex) as caught:
        read("die segfault")
    assert "parser_that_obeys.py" in caught.value.detail


def test_what_an_earlier_file_broke_is_not_blamed_on_the_next(read: Read) -> None:
    """The idle process is killed between two files: a fresh one reads the second."""
    pid = int(read("show pid"))
    os.kill(pid, signal.SIGKILL)
    assert int(read("show pid")) != pid


def test_our_own_failures_come_through(read: Read) -> None:
    with pytest.raises(EncryptedDocument) as caught:
        read("raise ours")
    assert (caught.value.text, caught.value.detail) == ("This one is locked.", "by the test")


@pytest.mark.parametrize(
    ("what", "error"),
    [("fault", ParserBroken), ("memory", DocumentTooComplex), ("depth", DocumentTooComplex)],
)
def test_faults_of_a_reader(read: Read, what: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        read(f"raise {what}")


def test_noise_does_not_reach_the_pipes(read: Read) -> None:
    assert read("print 50000") == "read ''"


@pytest.mark.parametrize("order", ["claim /etc/hostname", "claim /tmp", "link /etc/hostname"])
def test_a_process_that_names_files_of_others_as_parts(read: Read, tmp_path: Path, order: str) -> None:
    with pytest.raises(ParserBroken, match="outside its folder"):
        read(order)
    assert not list(tmp_path.rglob("out"))  # or the next attempt would take it for read


def test_a_process_that_does_not_start(tmp_path: Path) -> None:
    with closing(ParserPool((sys.executable, "-c", "raise SystemExit('no luck')"))) as broken:
        with pytest.raises(ParserBroken, match="no luck"):
            reader_of(broken, tmp_path)("say hello")


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    with closing(ParserPool(("/nowhere/python",))) as broken, pytest.raises(FileNotFoundError):
        reader_of(broken, tmp_path)("say hello")


# -- stopping -------------------------------------------------------------------------------------


def test_work_no_longer_wanted_ends_within_two_seconds(pool: ParserPool, tmp_path: Path) -> None:
    pid = int(reader_of(pool, tmp_path)("show pid"))

    def check() -> None:
        raise Unwanted

    started = time.monotonic()
    with pytest.raises(Unwanted):
        reader_of(pool, tmp_path)("spin 60", check=check)
    assert time.monotonic() - started < 10
    assert not psutil.pid_exists(pid)


def test_children_of_the_process_end_with_it(read: Read) -> None:
    """As text recognition, which runs in one."""
    before, seen = set(parsers()), set[psutil.Process]()
    with pytest.raises(DocumentTooComplex):
        read("creep 1", limits=ReadLimits(max_seconds=1.5), check=lambda: seen.update(parsers()))
    assert len(seen - before) >= 1  # the child of the process; the process too, if it was not there before
    assert gone_within(2, lambda: not any(is_running(process) for process in seen - before))


ORPHANS = """
import sys
from pathlib import Path
from knowledge.ingestion.parser_pool import ParserPool
from knowledge.tests.ingestion.parser_that_obeys import COMMAND
from knowledge.tests.ingestion.test_sandbox import reader_of
reader_of(ParserPool(COMMAND), Path(sys.argv[1]))("sleep 60")
"""


def test_parsers_end_with_their_parent(tmp_path: Path) -> None:
    parent = subprocess.Popen([sys.executable, "-c", ORPHANS, tmp_path])
    family = psutil.Process(parent.pid)
    assert gone_within(20, lambda: any(is_at_work(child, tmp_path) for child in family.children()))
    children = family.children()
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    assert gone_within(2, lambda: not any(map(is_running, children)))


def is_at_work(parser: psutil.Process, folder: Path) -> bool:
    """It has taken a job: it works in the folder for that job's parts."""
    return folder in Path(parser.cwd()).parents


def is_running(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


# -- what it costs and what it knows --------------------------------------------------------------

SECRETS = (
    "DATABASE_URL",
    "REDIS_URL",
    "SECRET_KEY",
    "OPENAI_API_KEY",
    "ANTHROPIC_API_KEY",
    "COHERE_API_KEY",
    "AWS_KEY",
)


def test_no_secret_is_in_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in SECRETS:
        monkeypatch.setenv(name, "a secret value")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    with closing(ParserPool(COMMAND)) as fresh:
        environment = reader_of(fresh, tmp_path)("show environment")
    assert "LC_ALL=C.UTF-8" in environment
    assert "secret" not in environment
    assert not any(name in environment for name in SECRETS)


def test_two_files_at_once(pool: ParserPool, tmp_path: Path) -> None:
    read = reader_of(pool, tmp_path)
    read("say warm")
    started = time.monotonic()
    with ThreadPoolExecutor(2) as threads:
        slow, failing = threads.submit(read, "sleep 1"), threads.submit(read, "die SIGKILL")
        with pytest.raises(DocumentTooComplex):
            failing.result()
        assert slow.result() == "slept 1 s"
    assert time.monotonic() - started < 10


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    """Thirty files through processes that serve three each: no process, dead or alive, and no open file is left."""
    before, open_before = set(psutil.Process().children(recursive=True)), psutil.Process().num_fds()
    with closing(ParserPool(COMMAND, max_files=3)) as short_lived:
        read = reader_of(short_lived, tmp_path)
        assert [read(f"say {number}") for number in range(28)] == [str(number) for number in range(28)]
        for order in ("die segfault", "raise memory"):
            with pytest.raises(DocumentTooComplex):
                read(order)
        assert len(set(psutil.Process().children(recursive=True)) - before) <= 1
    assert set(psutil.Process().children(recursive=True)) <= before
    assert psutil.Process().num_fds() <= open_before


def test_an_idle_process_ends(tmp_path: Path) -> None:
    with closing(ParserPool(COMMAND, idle_seconds=0.2)) as impatient:
        pid = int(reader_of(impatient, tmp_path)("show pid"))
        assert gone_within(5, lambda: not psutil.pid_exists(pid))
        assert int(reader_of(impatient, tmp_path)("show pid")) != pid


# -- several files in one go ----------------------------------------------------------------------


def small_files(folder: Path, *orders: str, check: Callable[[], None] = lambda: None) -> list[SmallFile]:
    for number, order in enumerate(orders):
        (folder / f"{number}").write_text(order)
    return [SmallFile(folder / f"{n}", f"{n}.txt", folder / f"{n}.out", check) for n in range(len(orders))]


def told(found: list[object]) -> list[str]:
    return [type(one).__name__ if isinstance(one, Exception) else one.blocks[0].text for one in found]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("bad", "name"),
    [
        ("die segfault", "DocumentTooComplex"),
        ("sleep 9", "DocumentTooComplex"),
        ("raise ours", "EncryptedDocument"),
    ],
    ids=["dies", "hangs", "is refused"],
)
def test_a_bad_file_costs_its_companions_nothing(pool: ParserPool, tmp_path: Path, bad: str, name: str) -> None:
    files = small_files(tmp_path, "say one", "say two", bad, "say four", "say five")
    limits = ReadLimits(max_seconds=1.5, max_memory_bytes=200 * MEGABYTE)
    assert told(list(parse_each(files, limits=limits, pool=pool))) == ["one", "two", name, "four", "five"]
    assert not list(tmp_path.glob(".*"))


def test_one_that_is_not_wanted_stops_and_the_others_go_on(pool: ParserPool, tmp_path: Path) -> None:
    def unwanted() -> None:
        raise Unwanted

    files = small_files(tmp_path, "say one", "sleep 9", "say three")
    files[1] = SmallFile(files[1].path, files[1].file_name, files[1].output, unwanted)
    assert told(list(parse_each(files, limits=LIMITS, pool=pool))) == ["one", "Unwanted", "three"]


def test_whoever_stops_listening_leaves_no_process_with_work(pool: ParserPool, tmp_path: Path) -> None:
    with closing(
        parse_each(small_files(tmp_path, "say one", "sleep 9", "say three"), limits=LIMITS, pool=pool)
    ) as found:
        assert told([next(found)]) == ["one"]
    assert told(list(parse_each(small_files(tmp_path, "say again"), limits=LIMITS, pool=pool))) == ["again"]
    assert not list(tmp_path.glob(".*"))
