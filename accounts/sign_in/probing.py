"""Whether an identity provider is there and says what is needed, asked before people depend on it."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import urlsplit

import requests  # noqa: TID251 - allauth's own
from cryptography import x509
from django.utils import timezone
from onelogin.saml2.errors import OneLogin_Saml2_Error
from onelogin.saml2.idp_metadata_parser import OneLogin_Saml2_IdPMetadataParser as MetadataParser

from accounts.sign_in.errors import AddressNotAllowed, ProviderRefused, ProviderUnreachable
from accounts.sign_in.models import IdentityProvider
from accounts.sign_in.outward import guarded_session

DISCOVERY = "/.well-known/openid-configuration"
NEEDED = ("issuer", "authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri")


def probe(row: IdentityProvider) -> None:
    """Raises ProviderUnreachable, ProviderRefused or AddressNotAllowed, each with a sentence for who sets it up."""
    if row.kind == IdentityProvider.Kind.OIDC:
        probe_oidc(row.issuer.rstrip("/"))
    else:
        probe_saml(row.sso_url, row.certificate)


def probe_oidc(issuer: str) -> None:
    found = fetched_json(issuer + DISCOVERY)
    missing = [name for name in NEEDED if not isinstance(found.get(name), str)]
    if missing:
        raise ProviderRefused(f"The provider's description at {issuer + DISCOVERY} lacks {', '.join(missing)}.")
    if found["issuer"].rstrip("/") != issuer:
        raise ProviderRefused(f"The provider calls itself {found['issuer']}. Enter exactly that as its address.")
    if "code" not in found.get("response_types_supported", ["code"]):
        raise ProviderRefused("The provider does not offer the authorization code flow. Switch it on there.")
    keys = fetched_json(found["jwks_uri"]).get("keys")
    if not isinstance(keys, list) or not any(isinstance(key, dict) and key.get("use", "sig") == "sig" for key in keys):
        raise ProviderRefused("The provider publishes no key that signs. Create a signing key there.")


def probe_saml(sso_url: str, certificate: str) -> None:
    checked_address(sso_url)
    if certificate_of(certificate).not_valid_after_utc < timezone.now():
        raise ProviderRefused("The provider's certificate has expired. Paste its newest metadata.")


def certificate_of(text: str) -> x509.Certificate:
    """Base64 of the certificate, with or without the lines of a PEM. Raises ProviderRefused."""
    try:
        return x509.load_der_x509_certificate(base64.b64decode(bare(text), validate=True))
    except ValueError as error:
        raise ProviderRefused("The certificate can't be read. Paste the provider's metadata.") from error


def bare(certificate: str) -> str:
    return "".join(line.strip() for line in certificate.splitlines() if "-----" not in line)


def fetched(url: str) -> requests.Response:
    checked_address(url)
    try:
        with guarded_session() as session:
            response = session.get(url)
    except requests.RequestException as error:
        raise ProviderUnreachable(f"Nothing answers at {url}. Check the address.", detail=repr(error)) from error
    if response.status_code != 200:
        raise ProviderRefused(f"{url} answers with {response.status_code}. Check the address.")
    return response


def fetched_json(url: str) -> dict[str, Any]:
    try:
        data = fetched(url).json()
    except ValueError as error:
        raise ProviderRefused(f"{url} does not answer with JSON. Check the address.") from error
    if not isinstance(data, dict):
        raise ProviderRefused(f"{url} does not describe an identity provider. Check the address.")
    return data


def checked_address(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in {"https", "http"} or not parts.hostname or "@" in parts.netloc:
        raise AddressNotAllowed(detail=url[:200])


def read_metadata(xml: str) -> dict[str, str]:
    """`entity_id`, `sso_url` and `certificate` of a SAML provider's metadata. Raises ProviderRefused."""
    try:
        found = MetadataParser.parse(xml.strip().encode())["idp"]
        certificate = found.get("x509cert") or found["x509certMulti"]["signing"][0]
        return {
            "entity_id": found["entityId"],
            "sso_url": found["singleSignOnService"]["url"],
            "certificate": bare(certificate),
        }
    except (KeyError, IndexError, ValueError, OneLogin_Saml2_Error, SyntaxError) as error:
        raise ProviderRefused(
            "This is not the metadata of a SAML identity provider. Copy the whole XML file.", detail=repr(error)
        ) from error
