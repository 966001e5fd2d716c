"""Who is on the other end of a connection. A header says it only when the peer is a Cloudflare server."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from ipaddress import IPv6Address, ip_address

from django.conf import settings

HEADER = "HTTP_CF_CONNECTING_IP"


def client_address(peer: str, header: str) -> str:
    """The address of the client: Cloudflare's `header` if the `peer` is one of its servers, else the peer itself."""
    if header and is_cloudflare(peer):
        return normal(header) or normal(peer)
    return normal(peer)


def address_of_request(meta: Mapping[str, object]) -> str:
    return client_address(str(meta.get("REMOTE_ADDR") or ""), str(meta.get(HEADER) or ""))


def normal(text: str) -> str:
    """As addresses are compared: an IPv4 address inside an IPv6 one is the IPv4 address. Empty for what is none."""
    try:
        address = ip_address(text.strip())
    except ValueError:
        return ""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)


def network_of(address: str) -> str:
    """What limits count by: an IPv4 address, or the /64 that one IPv6 customer has at least."""
    found = normal(address)
    if ":" not in found:
        return found
    return str(IPv6Address(int(IPv6Address(found.partition("%")[0])) >> 64 << 64))


@lru_cache(maxsize=4096)
def is_cloudflare(peer: str) -> bool:
    found = normal(peer)
    return bool(found) and any(ip_address(found) in network for network in settings.VENA_CLOUDFLARE_NETWORKS)
