"""`manage.py serve` on fresh, used, busy and broken folders."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from websockets.exceptions import InvalidStatus

from tests.conftest import FirstStart
from tests.papers import agreement
from tests.server import Server, manage, processes_of, thorough, until
from tests.sockets import chat, text_of
from vena_platform import demo, embedded

# -- starting -------------------------------------------------------------------------------------


def test_the_first_start_tells_what_it_does_and_how_to_get_in(first_start: FirstStart) -> None:
    for line in ("Creating the database (only the first time) ...", "Preparing the schemas ...", "Vena is ready after"):
        assert line in first_start.out
    port = first_start.out.partition("http://demo.localhost:")[2].split()[0]
    assert f"http://localhost:{port}/admin/" in first_start.out
    assert f"{demo.OWNER}  /  {demo.PASSWORD}" in first_start.out
    assert "quoted from the documents" in first_start.out
    assert first_start.err == ""


def test_the_first_start_makes_the_demo_organisation(first_start: FirstStart) -> None:
    assert first_start.health == {"status": "ok", "checks": {"database": "ok", "redis": "ok", "index": "ok"}}
    assert {row["state"] for row in first_start.documents} == {"ready"}
    handbook = sorted(path.name for path in (embedded.BASE_DIR / "samples" / "handbook").iterdir())
    assert sorted(row["file_name"] for row in first_start.documents) == handbook


def test_ctrl_c_ends_everything(first_start: FirstStart) -> None:
    assert (first_start.exit_code, first_start.left_behind) == (0, [])
    assert first_start.out.rstrip().endswith("Stopping ...")


def test_a_second_start_keeps_the_data_and_does_less(first_start: FirstStart, quoting: Server) -> None:
    documents = quoting.api.documents()
    assert all(document in documents for document in first_start.documents)
    assert "Starting the database ..." in quoting.out
    assert quoting.work < first_start.work


def test_the_printed_sign_in_works(quoting: Server) -> None:
    assert quoting.signed_in().get("/").status_code == 200


# -- stopping -------------------------------------------------------------------------------------


def test_a_terminated_server_settles_what_runs(composing: Server, slow: object) -> None:
    document = composing.api.upload("agreement.md", agreement(200))
    until(lambda: composing.api.document(document)["progress"]["done"] > 0, "some of the document to be embedded")
    with chat(composing, key=composing.key) as asker:
        answer = asker.ask("How many days of annual leave do we get?")["answer"]
        shown = asker.some(answer, 4)
        seconds = composing.stop(signal.SIGTERM)
    assert seconds < 15
    assert (composing.process.returncode, processes_of(composing.home)) == (0, [])
    composing.start()
    with chat(composing, key=composing.key) as asker:
        *_, done = asker.resume(answer, 0)
    assert done["status"] == "interrupted"
    assert done["text"].startswith(text_of(shown))
    assert "Picked up after an interruption" not in composing.out
    # It is read on, or was to its end while the answers were waited for.
    assert composing.api.document(document)["state"] in {"queued", "reading", "chunking", "embedding", "ready"}
    assert composing.api.client.delete(f"/api/v1/documents/{document}/").status_code == 202


@thorough
def test_a_closed_terminal_ends_everything(home: Path) -> None:
    server = Server(home).launch()
    until(lambda: "Starting the database" in server.out, "the start to begin")
    server.process.send_signal(signal.SIGHUP)
    server.wait()
    assert processes_of(home) == []


@thorough
def test_a_stop_in_the_middle_of_the_first_start_leaves_nothing_half_made(new_home: Callable[[], Path]) -> None:
    home = new_home()
    server = Server(home).launch()
    until(lambda: list(home.glob("postgres-new-*/PG_VERSION")), "the database to be half made", pause=0.01)
    server.kill()
    until(lambda: not processes_of(home), "its helpers to end")
    assert not (home / "postgres").exists()
    alone = manage(home, "check")
    assert (alone.returncode, list(home.glob("postgres-new-*"))) == (0, [])


# -- what stands in the way -----------------------------------------------------------------------


def refused(home: Path, *, port: int = 0, **more: str) -> str:
    """The sentence of a server that can't start."""
    server = Server(home, port=port, **more).launch()
    assert server.wait() != 0
    assert "Traceback" not in server.err
    return " ".join(server.err.split())


@thorough
def test_a_port_in_use(home: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        said = refused(home, port=port)
    assert f"port {port} is in use. Stop the program that uses it, or choose another: make run PORT={port + 1}" in said
    assert processes_of(home) == []


def test_a_second_server_on_the_same_folder(quoting: Server) -> None:
    said = refused(quoting.home)
    assert f"another Vena (process {quoting.process.pid}) already uses {quoting.home}" in said
    assert quoting.browser(None).get("/health/ready").status_code == 200


def test_a_home_that_is_a_file(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.write_text("")
    assert f"{home} is a file. Move it away, or set VENA_HOME to another place." in refused(home)


def test_a_home_that_can_not_be_written(tmp_path: Path) -> None:
    said = refused_at(Path("/proc/vena"), tmp_path)
    assert "the state folder /proc/vena can't be written" in said
    assert "set VENA_HOME to a folder that can be written" in said


def refused_at(home: Path, elsewhere: Path) -> str:
    """As `refused`, for a folder beside which nothing can be written."""
    return refused(elsewhere / "home", VENA_HOME=str(home))


@contextmanager
def mounted(folder: Path, options: str) -> Iterator[Path]:
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], capture_output=True).returncode:
        pytest.skip("this user may not mount a small disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_that_is_too_small(tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", "size=200m") as disk:
        said = refused(disk / "home")
    assert "has 199 MB left and Vena needs 300 MB" in said or "has 200 MB left and Vena needs 300 MB" in said
    assert "Free some space, or set VENA_HOME to a folder on another disk." in said


def test_a_disk_that_may_only_be_read(tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", "size=400m,ro") as disk:
        said = refused_at(disk / "home", tmp_path)
    assert "can't be written (Read-only file system)" in said


# -- broken state ---------------------------------------------------------------------------------


@thorough
def test_a_damaged_database_is_named(home: Path) -> None:
    (home / "postgres" / "PG_VERSION").write_text("garbage\n")
    said = refused(home)
    assert f"the database in {home / 'postgres'} did not start" in said
    assert "restore it from a backup, or move it away to begin with an empty one" in said
    assert processes_of(home) == []


def test_the_reason_of_a_database_is_told(home: Path) -> None:
    (home / "postgres" / "global" / "pg_control").write_bytes(b"garbage")
    said = refused(home)
    assert "Its log " in said
    assert "says: " in said
    assert "pg_control" in said


@thorough
def test_leftovers_of_a_crash_do_not_matter(home: Path) -> None:
    """Process ids in files may belong to other programs by now: here to one that surely lives.

    By the way: a key is made when no server runs.
    """
    (home / "services.json").write_text("{garbage")
    (home / "valkey" / "valkey.pid").write_text("1\n")
    lines = ["1", str(home / "postgres"), "1700000000", "5432", str(home / "postgres"), "", "  1234  0", "ready   "]
    (home / "postgres" / "postmaster.pid").write_text("\n".join(lines) + "\n")
    made = manage(home, "create_api_key", demo.SLUG, demo.OWNER)
    assert (made.returncode, made.stderr, len(made.stdout.split())) == (0, "", 1)
    assert processes_of(home) == []


@thorough
def test_a_damaged_queue_is_set_aside_and_a_damaged_search_index_made_again(home: Path) -> None:
    for file in (home / "valkey" / "appendonlydir").glob("*.aof"):
        file.write_bytes(b"garbage" * 100)
    for file in (home / "vectors").rglob("segments/**/*"):
        if file.is_file():
            file.write_bytes(b"garbage")
    with Server(home) as server:
        assert "The cache and queue were damaged and begin empty" in server.out
        assert len(list(home.glob("valkey-damaged-*/appendonlydir"))) == 1
        until(lambda: "was missing or damaged" in server.out, "the damage to be found")
        told = re.search(r"(\d+) passages were put back", server.out)
        assert told
        assert int(told[1]) == sum(one["chunks"] for one in server.api.documents()) > 0
        assert len(server.api.documents()) == 4
        assert "28 days" in str(server.api.search("annual leave after five years of service", limit=3))


def test_services_that_were_killed_come_back(quoting: Server) -> None:
    home = quoting.home
    before = quoting.api.documents()
    psutil.Process(int((home / "postgres" / "postmaster.pid").read_text().split("\n")[0])).kill()
    psutil.Process(int((home / "valkey" / "valkey.pid").read_text())).kill()
    until(lambda: "Starting it again" in quoting.out and "Starting them again" in quoting.out, "both to be missed")
    until(lambda: listed(quoting) == before, "the documents to be listed again")
    until(lambda: answered(quoting), "a question to be answered again")
    assert quoting.browser(None).get("/health/ready").status_code == 200
    assert len(processes_of(home)) > 2


def listed(server: Server) -> list[dict[str, Any]] | None:
    response = server.api.client.get("/api/v1/documents/")
    return list(response.json()["results"]) if response.status_code == 200 else None


def answered(server: Server) -> bool:
    try:
        with chat(server, key=server.key) as asker:
            accepted = asker.ask("How many days of annual leave do we get?")
            return bool(list(asker.frames(accepted["answer"]))[-1]["status"] == "complete")
    except (InvalidStatus, AssertionError):
        return False


# -- commands -------------------------------------------------------------------------------------


@thorough
def test_a_key_is_made_beside_the_server(quoting: Server) -> None:
    made = manage(quoting.home, "create_api_key", demo.SLUG, "member@demo.example")
    assert (made.returncode, made.stderr) == (0, "")
    (key,) = made.stdout.splitlines()
    me = quoting.browser(demo.SLUG, key).get("/api/v1/me/")
    assert me.json()["email"] == "member@demo.example"
