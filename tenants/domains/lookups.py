"""What the DNS says. The one place that asks it about domains."""

from __future__ import annotations

from typing import Any

import dns.exception
import dns.resolver
from django.conf import settings

from tenants.domains.errors import DnsUnreachable, RecordMissing, RecordWrong

SECONDS = 4.0  # for one question, all its tries together
ABSENT = (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer)


def resolver() -> dns.resolver.Resolver:
    """The machine's own, or those of VENA_DNS_SERVERS (`host:port`). Nothing is remembered between questions."""
    servers = settings.VENA_DNS_SERVERS
    made = dns.resolver.Resolver(configure=not servers)
    if servers:
        pairs = [one.rpartition(":") for one in servers]
        made.nameservers = [host for host, _, _ in pairs]
        made.port = int(pairs[0][2])
    made.lifetime, made.timeout = SECONDS, SECONDS / 2
    return made


def answers(name: str, kind: str) -> list[Any]:
    """Nothing where there is none. Raises DnsUnreachable."""
    try:
        return list(resolver().resolve(name, kind, search=False))
    except ABSENT:
        return []
    except (dns.exception.DNSException, OSError) as error:
        raise DnsUnreachable(detail=f"{kind} of {name}: {error!r}") from error


def require_record(name: str, value: str) -> None:
    """Raises RecordMissing, RecordWrong, DnsUnreachable."""
    found = [b"".join(one.strings).decode("utf-8", "replace").strip() for one in answers(name, "TXT")]
    if value in found:
        return
    if any(one.startswith("vena-verification=") for one in found):
        raise RecordWrong
    raise RecordMissing


def points_here(host: str) -> bool | None:
    """Whether requests for it come to us, as far as the DNS tells. None: it can't be told."""
    try:
        names = {str(one.target).rstrip(".").lower() for one in answers(host, "CNAME")}
        if any(one == target or one.endswith(f".{target}") for one in names for target in targets()):
            return True
        ours = {str(one) for target in targets() for kind in ("A", "AAAA") for one in answers(target, kind)}
        theirs = {str(one) for kind in ("A", "AAAA") for one in answers(host, kind)}
    except DnsUnreachable:
        return None
    return bool(ours & theirs)


def targets() -> tuple[str, ...]:
    """The names that an own domain is to point to."""
    return (settings.VENA_CNAME_TARGET or settings.VENA_BASE_DOMAIN, settings.VENA_BASE_DOMAIN)
