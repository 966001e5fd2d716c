"""The edge that ends TLS in front of us must know an organisation's own host, to have a certificate for it.

Without settings there is none, and certificates are the business of whoever runs the proxy. Cloudflare: custom
hostnames (developers.cloudflare.com/api, `custom_hostnames`), asked for by its REST interface.
"""

from __future__ import annotations

import logging
from typing import Any, Protocol

import httpx2
from django.conf import settings

from tenants.domains.errors import EdgeUnavailable

logger = logging.getLogger(__name__)

SECONDS = 10.0


class EdgeHostnames(Protocol):
    def register(self, host: str) -> str:
        """Ask for a certificate, or for how it is. What there is to say to people; "" where all is well.

        Repeatable. Raises EdgeUnavailable."""

    def remove(self, host: str) -> None:
        """Repeatable. Raises EdgeUnavailable."""


class NoEdge:
    def register(self, host: str) -> str:
        return ""

    def remove(self, host: str) -> None:
        return None


class Cloudflare:
    def __init__(self, token: str, zone: str, base_url: str) -> None:
        self.path = f"{base_url}/zones/{zone}/custom_hostnames"
        self.headers = {"Authorization": f"Bearer {token}"}

    def register(self, host: str) -> str:
        found = self.found(host)
        if found is None:
            ssl = {"method": "http", "type": "dv", "settings": {"min_tls_version": "1.2"}}
            found = self.asked("POST", self.path, json={"hostname": host, "ssl": ssl})
        status = str((found.get("ssl") or {}).get("status", ""))
        return "" if status == "active" else f"Its certificate is being made ({status or 'asked for'})."

    def remove(self, host: str) -> None:
        found = self.found(host)
        if found is not None:
            self.asked("DELETE", f"{self.path}/{found['id']}")

    def found(self, host: str) -> dict[str, Any] | None:
        rows = self.asked("GET", self.path, params={"hostname": host})
        return next((row for row in rows if row.get("hostname") == host), None)

    def asked(self, method: str, url: str, **more: Any) -> Any:
        try:
            answer = httpx2.request(method, url, headers=self.headers, timeout=SECONDS, **more)
            body = answer.json()
        except (httpx2.HTTPError, ValueError) as error:
            raise EdgeUnavailable(detail=f"{method} {url}: {error!r}") from error
        if answer.is_error or not body.get("success", answer.is_success):
            raise EdgeUnavailable(detail=f"{method} {url}: {answer.status_code} {body.get('errors')}")
        return body.get("result") or []


def edge() -> EdgeHostnames:
    if settings.CLOUDFLARE_API_TOKEN:
        return Cloudflare(settings.CLOUDFLARE_API_TOKEN, settings.CLOUDFLARE_ZONE_ID, settings.CLOUDFLARE_API_BASE)
    return NoEdge()
