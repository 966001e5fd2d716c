"""The one reader of the environment: typed, and it says which variable is wrong and what it should hold."""

from __future__ import annotations

import os
import secrets
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

TRUE = {"1", "true", "yes", "on"}
FALSE = {"0", "false", "no", "off", ""}
LOOPBACK = [ip_network("127.0.0.0/8"), ip_network("::1/128")]


def text(name: str, default: str = "") -> str:
    return os.environ.get(name, default).strip()


def required(name: str, purpose: str) -> str:
    value = text(name)
    if not value:
        raise ImproperlyConfigured(f"Set {name}: {purpose}. See .env.example.")
    return value


def flag(name: str, *, default: bool = False) -> bool:
    value = text(name).lower()
    if name not in os.environ:
        return default
    if value not in TRUE | FALSE:
        raise ImproperlyConfigured(f"{name} is {value!r}; it takes true or false.")
    return value in TRUE


def integer(name: str, default: int) -> int:
    value = text(name)
    try:
        return int(value) if value else default
    except ValueError:
        raise ImproperlyConfigured(f"{name} is {value!r}; it takes a whole number.") from None


def share(name: str) -> float | None:
    value = text(name)
    try:
        number = float(value) if value else None
    except ValueError:
        number = -1.0
    if number is not None and not 0 <= number <= 1:
        raise ImproperlyConfigured(f"{name} is {value!r}; it takes a number from 0 to 1.")
    return number


def number(name: str, default: float) -> float:
    value = text(name)
    try:
        return float(value) if value else default
    except ValueError:
        raise ImproperlyConfigured(f"{name} is {value!r}; it takes a number.") from None


def words(name: str, default: str = "") -> list[str]:
    """A comma-separated list."""
    return split(text(name, default))


def split(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def integers(name: str, default: str = "") -> list[int]:
    """A comma-separated list of whole numbers."""
    try:
        return [int(word) for word in words(name, default)]
    except ValueError:
        raise ImproperlyConfigured(f"{name} is {text(name)!r}; it takes whole numbers with commas between.") from None


def networks(name: str, default: str = "") -> list[IPv4Network | IPv6Network]:
    """A comma-separated list of networks, such as `10.1.0.0/16`; `none` for none, where there is a default."""
    try:
        return [ip_network(word) for word in words(name) or split(default) if word != "none"]
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} takes networks such as 10.1.0.0/16: {error}.") from None


def folder(name: str, default: Path) -> Path:
    return Path(text(name) or default).expanduser().resolve()


def database(url: str) -> dict[str, object]:
    """Django's DATABASES entry for a `postgresql://` URL; a socket folder may stand in `?host=`."""
    parts = urlsplit(url)
    if parts.scheme not in {"postgres", "postgresql"}:
        raise ImproperlyConfigured("DATABASE_URL must begin with postgresql://")
    try:
        port = str(parts.port or "")
    except ValueError:
        raise ImproperlyConfigured("The port in DATABASE_URL must be a number from 0 to 65535.") from None
    query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
    return {
        "ENGINE": "tenants.postgresql",
        "NAME": unquote(parts.path.lstrip("/")) or "postgres",
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": query.pop("host", "") or parts.hostname or "",
        "PORT": port,
        "OPTIONS": query,
    }


def generated_secret(path: Path) -> str:
    """A random secret kept in a file that only its owner may read: made on first use, the same ever after."""
    kept = path.read_text().strip() if path.exists() else ""
    if kept:
        return kept
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(secrets.token_urlsafe(50))
    return path.read_text().strip()
