"""Which host names an organisation may call its own. Pure but for the platform's own name."""

from __future__ import annotations

import ipaddress
import re

import idna
from django.conf import settings

from tenants.domains.errors import DomainNotPossible, DomainOurs

LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\Z")
RESERVED = frozenset({"localhost", "local", "internal", "test", "invalid", "example", "onion", "arpa", "home", "lan"})
LONGEST = 253 - len("_vena-challenge.")


def own_host(typed: str) -> str:
    """`https://Chat.Example.com/x` → `chat.example.com`; letters outside ASCII as in the DNS, no `www.`, no port.

    Raises DomainNotPossible, DomainOurs.
    """
    text = typed.strip().lower().removeprefix("https://").removeprefix("http://")
    text = re.split(r"[/?#]", text, maxsplit=1)[0].rstrip(".")
    if "@" in text or ":" in text:
        raise DomainNotPossible
    try:
        host = idna.encode(text, uts46=True).decode().lower().removeprefix("www.")
    except (idna.IDNAError, UnicodeError) as error:
        raise DomainNotPossible from error
    labels = host.split(".")
    if len(labels) < 2 or len(host) > LONGEST or not all(LABEL.match(one) for one in labels) or is_address(host):
        raise DomainNotPossible
    if is_ours(host):
        raise DomainOurs
    if labels[-1] in RESERVED and not settings.VENA_OWN_DOMAINS_RESERVED:
        raise DomainNotPossible
    return host


def is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host.rpartition(".")[2].isdigit()  # 127.1 is one as well, to some
    return True


def is_ours(host: str) -> bool:
    ours = (settings.VENA_BASE_DOMAIN, *settings.VENA_PLATFORM_DOMAINS)
    return any(host == one or host.endswith(f".{one}") for one in ours)
