"""An organisation's identity providers, as allauth wants them: apps that live for one request."""

from __future__ import annotations

import logging
from typing import Any

from allauth.socialaccount.models import SocialApp

from accounts.sign_in.models import IdentityProvider
from tenants.context import active_schema
from vena_platform.secrets import SecretUnreadable, opened

logger = logging.getLogger(__name__)

SAML_ATTRIBUTES = {
    "uid": [
        "urn:oasis:names:tc:SAML:attribute:subject-id",
        "http://schemas.microsoft.com/identity/claims/objectidentifier",
    ],
    "email": [
        "email",
        "mail",
        "urn:oid:0.9.2342.19200300.100.1.3",
        "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress",
    ],
    "email_verified": ["email_verified", "http://schemas.auth0.com/email_verified"],
    "name": [
        "name",
        "displayName",
        "urn:oid:2.16.840.1.113730.3.1.241",
        "http://schemas.microsoft.com/identity/claims/displayname",
        "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name",
    ],
}


def enabled_apps(provider: str | None, client_id: str | None) -> list[SocialApp]:
    """Of the organisation whose schema is entered. One whose secret can't be read is left out."""
    rows = IdentityProvider.objects.filter(is_enabled=True)
    apps = [app_of(row) for row in rows if provider in {None, row.kind, row.slug}]
    return [app for app in apps if app is not None and client_id in {None, app.client_id}]


def app_of(row: IdentityProvider) -> SocialApp | None:
    if row.kind == IdentityProvider.Kind.SAML:
        return SocialApp(
            provider=row.kind, provider_id=row.slug, name=row.name, client_id=row.slug, settings=saml_settings(row)
        )
    try:
        secret = opened(active_schema(), row.sealed_secret)
    except SecretUnreadable as error:
        logger.error("identity_provider.unreadable", extra={"provider": row.slug, "detail": error.detail})
        return None
    return SocialApp(
        provider=row.kind,
        provider_id=row.slug,
        name=row.name,
        client_id=row.client_id,
        secret=secret,
        settings={"server_url": row.issuer.rstrip("/"), "oauth_pkce_enabled": True},
    )


def saml_settings(row: IdentityProvider) -> dict[str, Any]:
    return {
        "attribute_mapping": SAML_ATTRIBUTES,
        "idp": {"entity_id": row.entity_id, "sso_url": row.sso_url, "x509cert": row.certificate},
        "advanced": {
            "strict": True,
            "want_assertion_signed": True,
            "want_attribute_statement": False,
            "reject_deprecated_algorithm": True,
            "reject_idp_initiated_sso": True,
        },
    }
