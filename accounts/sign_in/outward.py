"""HTTP to an address that an organisation typed: it leads to the public web, or where the operator allows.

allauth speaks through `requests`, so this does. Every address of a name is checked and the socket is opened to one of
these; a redirect opens a new connection, which is checked as well. Plain http goes to the operator's networks only.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

import requests  # noqa: TID251 - allauth's own
import urllib3
from django.conf import settings
from urllib3.connection import HTTPConnection, HTTPSConnection

from vena_platform.networks import IP, is_public

LARGEST = 1024 * 1024  # bytes of an answer: discovery, keys, tokens and metadata are far smaller


class TooLarge(requests.RequestException):
    """An answer that no identity provider gives."""


def is_own_network(address: IP) -> bool:
    """One of those that the operator named: VENA_IDENTITY_NETWORKS."""
    return any(address in network for network in settings.VENA_IDENTITY_NETWORKS)


def is_allowed(address: IP) -> bool:
    return is_public(address) or is_own_network(address)


def connected(host: str, port: int, timeout: Any, allows: Callable[[IP], bool]) -> socket.socket:
    """Raises `OSError`: no address, none that is allowed, or no answer."""
    found = [
        ip_address(str(entry[4][0]).partition("%")[0])
        for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    ]
    if not found or not all(allows(address) for address in found):
        raise OSError("leads where no identity provider may be")
    return socket.create_connection((str(found[0]), port), timeout if isinstance(timeout, (int, float)) else None)


class PlainConnection(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return opened_or_refused(self, is_own_network)


class SecureConnection(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return opened_or_refused(self, is_allowed)


def opened_or_refused(connection: HTTPConnection, allows: Callable[[IP], bool]) -> socket.socket:
    try:
        return connected(connection.host, connection.port or connection.default_port, connection.timeout, allows)
    except (OSError, UnicodeError) as error:
        raise urllib3.exceptions.NewConnectionError(connection, str(error)) from error


class PlainPool(urllib3.HTTPConnectionPool):
    ConnectionCls = PlainConnection


class SecurePool(urllib3.HTTPSConnectionPool):
    ConnectionCls = SecureConnection


class GuardedAdapter(requests.adapters.HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}

    def send(
        self, request: requests.PreparedRequest, stream: bool = False, timeout: Any = None, *args: Any, **kwargs: Any
    ) -> requests.Response:
        seconds = timeout or settings.SOCIALACCOUNT_REQUESTS_TIMEOUT
        response = super().send(request, True, seconds, *args, **kwargs)
        content = response.raw.read(LARGEST + 1, decode_content=True)
        if len(content) > LARGEST:
            raise TooLarge(f"{request.url}: more than {LARGEST} bytes")
        response._content, response._content_consumed = content, True
        return response


def guarded_session() -> requests.Session:
    session = requests.Session()
    session.trust_env = False  # no proxy and no password file of the machine's
    session.max_redirects = 3
    for scheme in ("http://", "https://"):
        session.mount(scheme, GuardedAdapter())
    return session
