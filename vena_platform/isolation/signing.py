"""Reports are signed with Ed25519 by a key that follows from the installation's encryption key.

So nobody keeps another secret, and an auditor needs only the public key, which is part of every signature.
"""

from __future__ import annotations

import base64
import json
import re
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from vena_platform.isolation.errors import NotGenuine

ALGORITHM = "Ed25519"
LAST_LINE = re.compile(rb"\n<!-- Ed25519 ([\w+/=]+) ([\w+/=]+) -->\n\Z")


def private_key(secret: str) -> Ed25519PrivateKey:
    derived = HKDF(SHA256(), 32, salt=None, info=b"vena isolation reports").derive(secret.encode())
    return Ed25519PrivateKey.from_private_bytes(derived)


def own_key() -> Ed25519PrivateKey:
    return private_key(settings.VENA_ENCRYPTION_KEYS[0])


def text_of(key: Ed25519PublicKey) -> str:
    return base64.b64encode(key.public_bytes_raw()).decode()


def public_keys() -> list[str]:
    """Ours, the newest first: a report outlives a change of keys as long as the old one is kept."""
    return [text_of(private_key(secret).public_key()) for secret in settings.VENA_ENCRYPTION_KEYS]


def signature_of(content: bytes) -> str:
    return base64.b64encode(own_key().sign(content)).decode()


def canonical(report: dict[str, Any]) -> bytes:
    return json.dumps(report, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def signed_json(report: dict[str, Any]) -> str:
    """The report with its signature beside it; the signature is of the report's canonical form."""
    signature = {
        "algorithm": ALGORITHM,
        "public_key": public_keys()[0],
        "value": signature_of(canonical(report)),
        "covers": "report, as JSON with sorted keys, no spaces between, UTF-8",
    }
    return json.dumps({"report": report, "signature": signature}, indent=2, ensure_ascii=False) + "\n"


def signed_html(page: str) -> str:
    """The page with its signature as the last line; the signature is of every byte before that line."""
    return f"{page}\n<!-- {ALGORITHM} {public_keys()[0]} {signature_of(page.encode())} -->\n"


def verified_by(content: bytes, trusted: list[str]) -> str:
    """The public key by which the file is genuine. Raises NotGenuine."""
    signed, key, value = parts_of_html(content) if content.lstrip()[:1] == b"<" else parts_of_json(content)
    if key not in trusted:
        raise NotGenuine(detail="signed by a key that is not trusted")
    try:
        Ed25519PublicKey.from_public_bytes(base64.b64decode(key)).verify(base64.b64decode(value), signed)
    except (InvalidSignature, ValueError):
        raise NotGenuine(detail="the signature does not fit the content") from None
    return key


def parts_of_html(content: bytes) -> tuple[bytes, str, str]:
    match = LAST_LINE.search(content)
    if match is None:
        raise NotGenuine(detail="no signature at its end")
    return content[: match.start()], match[1].decode(), match[2].decode()


def parts_of_json(content: bytes) -> tuple[bytes, str, str]:
    try:
        found = json.loads(content)
        report, signature = found["report"], found["signature"]
        return canonical(report), str(signature["public_key"]), str(signature["value"])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise NotGenuine(detail="not a signed JSON report") from None
