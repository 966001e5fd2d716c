"""HTTP clients for addresses that an organisation typed: they lead to the public web, or where the operator allows.

Every address of a name is checked, and the socket is opened to one of these very addresses: a name that changes its
mind between check and connection gets nowhere. Redirects are not followed and no proxy of the machine's is used.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterable, Sequence
from ipaddress import ip_address
from typing import Any

import httpcore2
import httpx2
from django.conf import settings

from vena_platform.networks import IP, is_public


def is_allowed(address: IP) -> bool:
    return is_public(address) or is_own_network(address)


def is_own_network(address: IP) -> bool:
    """One of those that the operator named: VENA_PROVIDER_NETWORKS."""
    return any(address in network for network in settings.VENA_PROVIDER_NETWORKS)


async def addresses_of(host: str, port: int) -> Sequence[IP]:
    """Raises `OSError` for a name that has none."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [ip_address(str(address[0]).partition("%")[0]) for address in dict.fromkeys(entry[4][:1] for entry in found)]


class GuardedBackend(httpcore2.AsyncNetworkBackend):
    """What the client opens its connections with."""

    def __init__(self) -> None:
        self._inner = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore2's own signature
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        try:
            async with asyncio.timeout(timeout):
                addresses = await addresses_of(host, port)
        except (OSError, UnicodeError, TimeoutError) as error:
            raise httpcore2.ConnectError(f"{host}: no address") from error
        if not addresses or not all(is_allowed(address) for address in addresses):
            raise httpcore2.ConnectError(f"{host}: leads where no key of an organisation may go")
        return await self._inner.connect_tcp(str(addresses[0]), port, timeout, local_address, socket_options)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class GuardedTransport(httpx2.AsyncHTTPTransport):
    def __init__(self) -> None:
        super().__init__(trust_env=False)
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=ssl.create_default_context(),
            max_connections=100,
            max_keepalive_connections=20,
            keepalive_expiry=30.0,
            network_backend=GuardedBackend(),
        )


def guarded_client(timeout: httpx2.Timeout) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(transport=GuardedTransport(), timeout=timeout, follow_redirects=False, trust_env=False)
