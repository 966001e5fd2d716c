"""OpenID Connect as allauth has it, but each of an organisation's providers is told from the others."""

from __future__ import annotations

from typing import Any

from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider


class NamedProvider(OpenIDConnectProvider):
    """A sign-in that waits for a second factor keeps which provider it came by. By its client id, as allauth does,
    nobody knows which: two providers may call us by the same."""

    def serialize(self) -> dict[str, Any]:
        return {"id": self.sub_id}
