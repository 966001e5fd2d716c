"""Connections that lead where they were checked to lead, and that end when time is up or nobody wants them.

A host's name is looked up once; every address it has must be allowed, and the socket is opened to one of these very
addresses. There is no second look-up that could answer differently.
"""

from __future__ import annotations

import errno
import selectors
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any, TypeVar

import httpcore2

from knowledge.errors import UrlNotSecure, UrlTooSlow, UrlUnreachable
from knowledge.ingestion.web.addresses import Rules, checked, ip_of
from vena_platform.networks import IP

T = TypeVar("T")
Check = Callable[[], None]
Resolve = Callable[[str], Sequence[IP]]
_SLICE = 0.25  # seconds between looks at the clock
_CHECK_SECONDS = 1.0
_CONNECT_SECONDS = 8.0  # for one address of several
_MOST_ADDRESSES = 4  # tried one after the other


@dataclass(slots=True)
class Clock:
    """The time one fetch has left. `check` is asked about once a second and raises when nobody wants the page."""

    seconds: float
    check: Check = lambda: None
    _until: float = field(init=False)
    _asked: float = field(init=False)

    def __post_init__(self) -> None:
        self._asked = time.monotonic()
        self._until = self._asked + self.seconds

    def slice(self) -> float:
        """How long to wait at most before asking again. Raises `UrlTooSlow`, and what `check` raises."""
        now = time.monotonic()
        if now - self._asked >= _CHECK_SECONDS:
            self._asked = now
            self.check()
        if now >= self._until:
            raise UrlTooSlow(detail=f"more than {self.seconds:g} s")
        return min(_SLICE, self._until - now)


def resolved(host: str) -> Sequence[IP]:
    """Raises `OSError` (`socket.gaierror`) or `UnicodeError` for names that have no address."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return [ip_address(str(address[0])) for address in dict.fromkeys(entry[4][:1] for entry in found)]


class CheckedBackend(httpcore2.NetworkBackend):
    """What `httpcore2` opens its connections with."""

    def __init__(self, rules: Rules, clock: Clock, resolve: Resolve = resolved) -> None:
        self._rules, self._clock, self._resolve = rules, clock, resolve

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        for address in checked(self._addresses(host), self._rules)[:_MOST_ADDRESSES]:
            try:
                return PatientStream(self._connected(address, port), self._clock)
            except OSError as error:
                problem = error
        raise UrlUnreachable(detail=f"{host}: {problem!r}")

    def _addresses(self, host: str) -> Sequence[IP]:
        if (literal := ip_of(host)) is not None:
            return [literal]
        try:
            found = awaited(lambda: self._resolve(host), self._clock)
        except (OSError, UnicodeError) as error:
            raise UrlUnreachable(detail=f"{host}: {error!r}") from error
        if not found:
            raise UrlUnreachable(detail=f"{host} has no address")
        return found

    def _connected(self, address: IP, port: int) -> socket.socket:
        connection = socket.socket(socket.AF_INET if address.version == 4 else socket.AF_INET6, socket.SOCK_STREAM)
        try:
            connection.setblocking(False)
            code = connection.connect_ex((str(address), port))
            if code in (errno.EINPROGRESS, errno.EWOULDBLOCK):
                self._await_connection(connection)
                code = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if code:
                raise OSError(code, f"no connection to {address}")
        except BaseException:
            connection.close()
            raise
        return connection

    def _await_connection(self, connection: socket.socket) -> None:
        until = time.monotonic() + _CONNECT_SECONDS
        with selectors.DefaultSelector() as selector:
            selector.register(connection, selectors.EVENT_WRITE)
            while not selector.select(self._clock.slice()):
                if time.monotonic() > until:
                    raise TimeoutError(f"no connection within {_CONNECT_SECONDS:g} s")


class PatientStream(httpcore2.NetworkStream):
    """Waits in short slices, so that the clock is heard. `httpcore2`'s own time limits are not used."""

    def __init__(self, connection: socket.socket, clock: Clock) -> None:
        self._socket, self._clock = connection, clock

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._patiently(lambda: self._socket.recv(max_bytes), httpcore2.ReadError)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        while buffer:
            sent = self._patiently(lambda: self._socket.send(buffer), httpcore2.WriteError)  # noqa: B023
            buffer = buffer[sent:]

    def close(self) -> None:
        self._socket.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        self._socket.settimeout(self._clock.slice())
        secured: ssl.SSLSocket | None = None
        try:
            secured = ssl_context.wrap_socket(
                self._socket, server_hostname=server_hostname, do_handshake_on_connect=False
            )
            stream = PatientStream(secured, self._clock)
            stream._patiently(secured.do_handshake, httpcore2.ConnectError)
        except BaseException:
            (secured or self._socket).close()
            raise
        return stream

    def get_extra_info(self, info: str) -> Any:
        return None  # no HTTP/2, and no connection is used twice

    def _patiently(self, step: Callable[[], T], failure: type[Exception]) -> T:
        while True:
            self._socket.settimeout(self._clock.slice())
            try:
                return step()
            except TimeoutError:
                continue
            except (ssl.SSLError, ssl.CertificateError) as error:
                raise UrlNotSecure(detail=repr(error)) from error
            except OSError as error:
                raise failure(repr(error)) from error


def awaited(step: Callable[[], T], clock: Clock) -> T:
    """What `step` returns or raises, on a thread of its own that is left behind when time is up: a look-up of a name
    can't be interrupted."""
    outcome: list[tuple[bool, Any]] = []
    done = threading.Event()

    def run() -> None:
        try:
            outcome.append((True, step()))
        except Exception as error:  # noqa: BLE001 - it is raised where it is waited for
            outcome.append((False, error))
        finally:
            done.set()

    threading.Thread(target=run, name="look-up", daemon=True).start()
    while not done.wait(clock.slice()):
        pass
    is_well, value = outcome[0]
    if not is_well:
        raise value
    result: T = value
    return result
