"""Which IP addresses are the public web. Knows no names and no settings."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

IP = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# Written out, because `is_global` has meant different things in different releases of Python.
_NOT_PUBLIC_V4 = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",  # "this" network
        "10.0.0.0/8",
        "100.64.0.0/10",  # carriers' own
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's service of a machine's own, on an address that looks public
        "169.254.0.0/16",  # link-local, and the metadata of most clouds
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)
_PUBLIC_V6 = IPv6Network("2000::/3")  # all that is given out: mapped, NAT64, local and link-local lie outside
_NOT_PUBLIC_V6 = tuple(
    IPv6Network(text)
    for text in (
        "2001::/23",  # protocols' own: Teredo, ORCHID, benchmarks
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4
        "3fff::/20",  # documentation
    )
)
_ISATAP = (0x0000_5EFE, 0x0200_5EFE)  # what stands before the IPv4 address in such an interface's identifier


def network(text: str) -> Network:
    """`10.1.0.0/16`, or a single address. Raises `ValueError`."""
    return ip_network(text, strict=False)


def is_public(address: IP) -> bool:
    """Global unicast that leads to no private network, not by an IPv4 address inside an IPv6 one either."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _NOT_PUBLIC_V4)
    if address.scope_id is not None or address not in _PUBLIC_V6:
        return False
    if any(address in network for network in _NOT_PUBLIC_V6):
        return False
    inside = _isatap(address)
    return inside is None or is_public(inside)


def _isatap(address: IPv6Address) -> IPv4Address | None:
    low = int(address) & (1 << 64) - 1
    return IPv4Address(low & 0xFFFF_FFFF) if low >> 32 in _ISATAP else None
