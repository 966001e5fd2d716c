"""SAML 2.0, against an identity provider made with somebody else's library."""

from __future__ import annotations

import base64
import datetime
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from allauth.socialaccount.models import SocialAccount
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from django.utils import timezone

from accounts.models import User
from accounts.sign_in.errors import ProviderRefused
from accounts.sign_in.models import IdentityProvider
from accounts.sign_in.probing import read_metadata
from conftest import Host
from tenants.context import entered
from tenants.models import Domain, Organisation
from tests.identity.running import identity_provider

SETTINGS = "/people/sign-in/"
SAML = "/accounts/saml/adfs/"
FORM = {
    "makes_members": "on",
    "default_role": "member",
    "domains": "example.org",
    "role_claim": "groups",
    "role_map": "vena-admins = admin",
}


def pair(folder: Path, name: str, *, days: int = 30) -> tuple[str, str]:
    """A key and its certificate, as files."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    ends = timezone.now() + datetime.timedelta(days=days)
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(ends - datetime.timedelta(days=60))
        .not_valid_after(ends)
        .sign(key, hashes.SHA256())
    )
    (folder / f"{name}.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
    )
    (folder / f"{name}.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return str(folder / f"{name}.key"), str(folder / f"{name}.crt")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: Any) -> Path:
    return Path(tmp_path_factory.mktemp("saml"))


@pytest.fixture(scope="module")
def idp(folder: Path) -> Iterator[str]:
    with identity_provider("saml.mjs", *pair(folder, "idp")) as address:
        yield address


@pytest.fixture
def provided(owner: Any, idp: str) -> str:
    """Set up by the owner from the provider's metadata, and made known there from ours."""
    page = str(owner.post(f"{SETTINGS}add/", {"name": "ADFS", "kind": "saml"})["Location"])
    assert f"{SAML}acs/" in owner.get(page).content.decode()
    assert owner.post(page, {**FORM, "metadata_url": f"{idp}/metadata"}).status_code == 302
    said = owner.post(f"{page}act/", {"act": "enable"}, follow=True).content.decode()
    assert "People can sign in with ADFS now" in said
    ours = owner.get(f"{SAML}metadata/").content
    assert httpx.post(f"{idp}/partner", content=ours).text == "known"
    return page


def asked(host: Host) -> str:
    """Where the sign-in button leads."""
    away = host.get(f"{SAML}login/?next=/documents/")
    assert away.status_code == 302
    return str(away["Location"])


def answered(where: str, who: str, **more: str) -> str:
    """The provider's answer, in base64 as it is posted back."""
    page = httpx.get(where, params={**dict(httpx.URL(where).params), "who": who, **more})
    assert page.status_code == 200, page.text
    found = re.search(r'name="SAMLResponse" value="([^"]+)"', page.text)
    assert found
    return found.group(1)


def posted(host: Host, answer: str) -> Any:
    """As the browser does it: the form of another site brings no session, then a redirect of ours does."""
    cookies = {name: value for name, value in host.cookies.items() if name != "saml-acs-session"}
    host.cookies.clear()
    response = host.post(f"{SAML}acs/", {"SAMLResponse": answer})
    assert response["Location"] == f"{SAML}acs/finish/"
    host.cookies.update(cookies)
    return host.get(response["Location"])


def round_trip(host: Host, who: str, **more: str) -> Any:
    return posted(host, answered(asked(host), who, **more))


def member_of(host: Any) -> tuple[str, str] | None:
    response = host.get("/api/v1/me/")
    return (response.json()["email"], response.json()["role"]) if response.status_code == 200 else None


def test_somebody_new_becomes_a_member_with_the_role_of_their_group(
    acme: Organisation, provided: str, on_host: Any
) -> None:
    ada, bob = on_host(acme), on_host(acme)
    response = round_trip(ada, "ada")
    assert (response.status_code, response["Location"]) == (302, "/documents/")
    assert member_of(ada) == ("ada@example.org", "admin")
    round_trip(bob, "bob")
    assert member_of(bob) == ("bob@example.org", "member")
    with entered(acme.schema_name):
        assert User.objects.get(email="ada@example.org").name == "Ada Lovelace"


def test_who_comes_again_is_the_same(acme: Organisation, provided: str, on_host: Any) -> None:
    for _ in range(2):
        host = on_host(acme)
        round_trip(host, "bob")
        assert member_of(host) == ("bob@example.org", "member")
    with entered(acme.schema_name):
        assert SocialAccount.objects.count() == 1


def test_another_domain_is_not_the_providers_to_speak_for(acme: Organisation, provided: str, on_host: Any) -> None:
    host = on_host(acme)
    assert round_trip(host, "eve").status_code == 403
    assert member_of(host) is None


def changed(answer: str, old: str, new: str) -> str:
    text = base64.b64decode(answer).decode()
    assert old in text
    return base64.b64encode(text.replace(old, new).encode()).decode()


def unsigned(answer: str) -> str:
    text = base64.b64decode(answer).decode()
    bare, count = re.subn(r"<ds:Signature.*?</ds:Signature>", "", text, flags=re.DOTALL)
    assert count
    return base64.b64encode(bare.encode()).decode()


def wrapped(answer: str) -> str:
    """The signed assertion stays in the document, and a forged one stands where it is looked for."""
    text = base64.b64decode(answer).decode()
    (assertion,) = re.findall(r"<saml:Assertion.*?</saml:Assertion>", text, flags=re.DOTALL)
    forged = re.sub(r"<ds:Signature.*?</ds:Signature>", "", assertion, flags=re.DOTALL)
    forged = re.sub(r' ID="[^"]*"', ' ID="_forged"', forged, count=1).replace("bob@", "ada@")
    kept = f"<samlp:Extensions>{assertion}</samlp:Extensions>"
    text = text.replace(assertion, forged).replace("<samlp:Status>", f"{kept}<samlp:Status>", 1)
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize("forgery", ["another person", "unsigned", "wrapped", "not xml", "not base64"])
def test_a_forged_answer_opens_nothing(acme: Organisation, provided: str, on_host: Any, forgery: str) -> None:
    host = on_host(acme)
    answer = answered(asked(host), "bob")
    response = posted(
        host,
        {
            "another person": lambda: changed(answer, "bob@example.org", "ada@example.org"),
            "unsigned": lambda: unsigned(answer),
            "wrapped": lambda: wrapped(answer),
            "not xml": lambda: base64.b64encode(b"<nothing").decode(),
            "not base64": lambda: "%%%",
        }[forgery](),
    )
    assert response.status_code in {401, 403}
    assert member_of(host) is None
    with entered(acme.schema_name):
        assert User.objects.count() == 1


def test_an_answer_works_once_and_for_who_asked(acme: Organisation, provided: str, on_host: Any) -> None:
    host, other = on_host(acme), on_host(acme)
    answer = answered(asked(host), "bob")
    assert posted(other, answer).status_code == 403
    assert member_of(other) is None
    assert posted(host, answer).status_code == 302
    host.post("/accounts/logout/")
    assert posted(host, answer).status_code == 403
    assert member_of(host) is None


@pytest.mark.parametrize("clock", ["-3600", "3600"], ids=["an hour old", "an hour ahead"])
def test_an_answer_of_another_time_is_refused(acme: Organisation, provided: str, on_host: Any, clock: str) -> None:
    host = on_host(acme)
    assert round_trip(host, "bob", clock=clock).status_code == 401
    assert member_of(host) is None


def test_an_answer_for_another_organisation_is_refused(
    acme: Organisation, globex: Organisation, provided: str, on_host: Any
) -> None:
    """The same provider serves both; the answer names one."""
    with entered(acme.schema_name):
        row = IdentityProvider.objects.get()
    with entered(globex.schema_name):
        IdentityProvider.objects.create(
            kind="saml",
            name="ADFS",
            slug="adfs",
            is_enabled=True,
            entity_id=row.entity_id,
            sso_url=row.sso_url,
            certificate=row.certificate,
            domains=["example.org"],
        )
    here, there = on_host(acme), on_host(globex)
    asked(there)
    assert posted(there, answered(asked(here), "bob")).status_code == 401
    assert member_of(there) is None


def test_by_the_organisations_own_domain(acme: Organisation, owner: Any, provided: str, idp: str, on_host: Any) -> None:
    """Told of the addresses there, the provider answers there; what it answers at one address opens no other."""
    Domain.objects.create(domain="chat.acme.example", tenant=acme)
    there, here = on_host(acme), on_host(acme)
    there.defaults["HTTP_HOST"] = "chat.acme.example"
    ours = there.get(f"{SAML}metadata/").content
    assert b"://chat.acme.example" in ours
    assert httpx.post(f"{idp}/partner", content=ours).text == "known"
    answer = answered(asked(there), "bob")
    asked(here)
    assert posted(here, answer).status_code == 401
    assert member_of(here) is None
    assert posted(there, answer).status_code == 302
    assert member_of(there) == ("bob@example.org", "member")


def test_the_request_goes_to_the_provider(acme: Organisation, provided: str, idp: str, on_host: Any) -> None:
    parts = urlsplit(asked(on_host(acme)))
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == f"{idp}/sso"
    assert "SAMLRequest=" in parts.query


def test_a_provider_that_is_off_is_not_there(acme: Organisation, owner: Any, provided: str, on_host: Any) -> None:
    owner.post(f"{provided}act/", {"act": "disable"})
    host = on_host(acme)
    assert "ADFS" not in host.get("/accounts/login/").content.decode()
    assert {host.get(f"{SAML}{page}/").status_code for page in ("login", "metadata")} == {404}


def test_an_expired_certificate_is_told(owner: Any, folder: Path) -> None:
    _, old = pair(folder, "old", days=-1)
    page = str(owner.post(f"{SETTINGS}add/", {"name": "ADFS", "kind": "saml"})["Location"])
    facts = {
        "entity_id": "https://idp.example",
        "sso_url": "https://idp.example/sso",
        "certificate": Path(old).read_text(),
    }
    owner.post(page, {**FORM, **facts})
    assert "certificate has expired" in owner.get(page).content.decode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "<EntityDescriptor/>",
        '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><EntityDescriptor>&e;</EntityDescriptor>',
    ],
    ids=["nothing", "words", "empty", "entities"],
)
def test_what_is_no_metadata_is_refused_in_words(text: str) -> None:
    with pytest.raises(ProviderRefused) as refusal:
        read_metadata(text)
    assert "not the metadata of a SAML identity provider" in refusal.value.text
