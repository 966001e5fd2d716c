"""What an identity provider says about somebody, read. Knows no Django."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

TRUE = (True, "true", "True", "1", 1)


def values_of(claims: Mapping[str, Any], name: str) -> list[str]:
    """A claim's values: by its own name, which may hold dots, or as a path such as `realm_access.roles`."""
    found: Any = claims.get(name)
    if found is None:
        found = claims
        for part in name.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
    if isinstance(found, (list, tuple)):
        return [str(value) for value in found]
    return [] if found is None or isinstance(found, Mapping) else [str(found)]


def role_of(values: Sequence[str], role_map: Mapping[str, str], order: Sequence[str], default: str) -> str:
    """The highest role that one of the values stands for; `order` begins with the highest."""
    named = {role_map[value] for value in values if value in role_map}
    return next((role for role in order if role in named), default)


def domain_of(email: str) -> str:
    return email.rpartition("@")[2].lower()


def is_vouched(email: str, verified: object, domains: Sequence[str]) -> bool:
    """Whether the provider may speak for this address.

    Where domains are named the address must be of one of them, and the provider must not say that it is unverified
    (many say nothing); otherwise it must say that it is verified.
    """
    if domains and domain_of(email) not in domains:
        return False
    return bool(domains) if verified is None else verified in TRUE


def subjects_agree(id_token: Mapping[str, Any], userinfo: Mapping[str, Any]) -> bool:
    """OpenID Connect Core 5.3.2: the two must be about the same person."""
    both = {str(part["sub"]) for part in (id_token, userinfo) if "sub" in part}
    return len(both) <= 1
