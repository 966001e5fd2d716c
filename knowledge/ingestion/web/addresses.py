"""Addresses of web pages: read in one way only, and checked before and after their host's name is looked up.

What a lenient reader would guess at (numbers that stand for hosts, backslashes, people's names before the host) is
refused, so that no two readers can understand an address differently.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import SplitResult, quote, urljoin, urlsplit

import idna

from knowledge.errors import UrlNotAllowed
from vena_platform.networks import IP, Network, is_public

LONGEST = 2000  # characters
PORTS = {"http": 80, "https": 443}
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f\\\ud800-\udfff]")
_BRACKETED = re.compile(r"\[[^\[\]]*\](:[0-9]*)?")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_KEPT = "!$&'()*+,;=:@/?%-._~[]|"  # what stays as it is in a path or query


@dataclass(frozen=True, slots=True)
class Rules:
    """Where pages may come from: the public web on these ports, and networks that an operator named."""

    ports: frozenset[int] = frozenset(PORTS.values())
    networks: tuple[Network, ...] = ()

    def allows(self, address: IP) -> bool:
        return is_public(address) or any(address in network for network in self.networks)


@dataclass(frozen=True, slots=True)
class Address:
    """One way to write it for each page: the fragment is gone, host and scheme are lower case and ASCII."""

    scheme: str
    host: str  # a name, or an IP address without brackets
    port: int
    target: str  # path and query

    @property
    def netloc(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        return f"{self.scheme}://{self.netloc}"

    @property
    def url(self) -> str:
        return self.origin + self.target

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]


def address_of(url: str, rules: Rules) -> Address:
    """Raises `UrlNotAllowed`. The name is not looked up yet: see `checked`."""
    text = url.strip()
    if len(text) > LONGEST:
        raise UrlNotAllowed(f"This address is longer than {LONGEST} characters. Save the page and upload it as a file.")
    if _FORBIDDEN.search(text):
        raise refused("spaces, backslashes or control characters")
    parts, port = split(text)
    if parts.scheme not in PORTS:
        raise UrlNotAllowed("Only addresses that begin with http:// or https:// can be added.", detail=parts.scheme)
    if "@" in parts.netloc:
        raise UrlNotAllowed("Leave out the user name and password: only pages that need none can be added.")
    host = host_of(parts)
    port = PORTS[parts.scheme] if port is None else port
    if port not in rules.ports:
        raise UrlNotAllowed(f"Pages on port {port} can't be added. Use the page's public address.", detail=str(port))
    if (literal := ip_of(host)) is not None:
        checked([literal], rules)
    return short_enough(Address(parts.scheme, host, port, target_of(parts)))


def short_enough(address: Address) -> Address:
    if len(address.url) > LONGEST:  # letters outside ASCII take several
        raise refused("too long when written in ASCII")
    return address


def linked(base: Address, link: str, rules: Rules) -> Address:
    """Where a link on the page at `base` leads. Raises `UrlNotAllowed`."""
    try:
        return address_of(urljoin(base.url, link.strip()), rules)
    except ValueError as error:
        raise refused(str(error)) from error


def checked(addresses: Sequence[IP], rules: Rules) -> Sequence[IP]:
    """All of them, if each is allowed: a name that also leads elsewhere is not to be trusted."""
    for address in addresses:
        if not rules.allows(address):
            raise refused(f"leads to {address}")
    return addresses


def ip_of(host: str) -> IP | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def refused(detail: str) -> UrlNotAllowed:
    return UrlNotAllowed(detail=detail)


def split(text: str) -> tuple[SplitResult, int | None]:
    try:
        parts = urlsplit(text)
        return parts, parts.port
    except ValueError as error:
        raise refused(str(error)) from error


def host_of(parts: SplitResult) -> str:
    given = parts.hostname or ""
    if "[" in parts.netloc:
        if not _BRACKETED.fullmatch(parts.netloc):
            raise refused("brackets")
        return str(ipv6(given))
    host = ascii_host(given).removesuffix(".")
    labels = host.split(".")
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise refused("no host name")
    return str(ipv4(host)) if _NUMBER.fullmatch(labels[-1]) else host


def ascii_host(host: str) -> str:
    """Letters of other scripts as the name system knows them; look-alike digits and dots become plain ones."""
    if host.isascii():
        return host.lower()
    try:
        return idna.encode(host, uts46=True).decode().lower()
    except (idna.IDNAError, UnicodeError) as error:
        raise refused(str(error)) from error


def ipv6(text: str) -> IPv6Address:
    try:
        address = IPv6Address(text)
    except ValueError as error:
        raise refused(str(error)) from error
    if address.scope_id is not None:
        raise refused("an address within one machine's network")
    return address


def ipv4(host: str) -> IPv4Address:
    """Four plain numbers only: readers disagree on what 127.1, 0x7f000001, 2130706433 and 0177.0.0.1 are."""
    try:
        return IPv4Address(host)
    except ValueError as error:
        raise refused(str(error)) from error


def target_of(parts: SplitResult) -> str:
    path = quote(parts.path or "/", safe=_KEPT)
    return f"{path}?{quote(parts.query, safe=_KEPT)}" if parts.query else path
