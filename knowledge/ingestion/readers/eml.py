"""Messages as they travel (.eml): headers, body, and the attachments as parts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email import policy
from email.message import EmailMessage, Message
from email.parser import BytesParser
from typing import Any

from knowledge.errors import DocumentTooLarge, EncryptedDocument, MislabelledDocument
from knowledge.ingestion.readers.letters import letter_blocks
from knowledge.ingestion.readers.packages import damage_named
from knowledge.ingestion.readers.parts import PartsFolder, safe_name
from knowledge.ingestion.readers.source import Source
from knowledge.ingestion.readers.text import cleaned, decoded
from knowledge.types import ParsedDocument

_SHOWN = ("From", "To", "Cc", "Date")
_SEALED = frozenset(["application/pkcs7-mime", "application/x-pkcs7-mime", "application/pgp-encrypted"])
_LONGEST_HEADER = 5_000  # characters that are decoded: the library takes seconds for an endless list of people
_HEADER = re.compile(rb"\s*(?:From |[!-9;-~]+:)")
_MOST_BOUNDARIES = 10_000  # of a message whose parts nest or multiply without end


def read_eml(source: Source) -> ParsedDocument:
    data = source.path.read_bytes()
    if not _HEADER.match(data):
        raise MislabelledDocument(detail="no header line")
    if data.count(b"\n--") > _MOST_BOUNDARIES + data.count(b"\n-- "):
        raise DocumentTooLarge(detail="parts of the message")
    with damage_named():
        message = BytesParser(policy=policy.default).parsebytes(data)
        return _parsed(message, source)


def _parsed(message: Any, source: Source) -> ParsedDocument:
    plain: list[str] = []
    pages: list[str] = []
    folder = PartsFolder(source)
    for part in _leaves(message):
        kind = part.get_content_type()
        if kind in _SEALED:
            raise EncryptedDocument(detail=kind)
        if _is_attachment(part):
            folder.add(_file_name(part, len(folder.parts) + 1), [_bytes(part)])
        elif kind == "text/plain":
            plain.append(_text(part))
        elif kind == "text/html":
            pages.append(_text(part))
    subject = _header(message, "Subject")
    headers = [(name, _header(message, name)) for name in _SHOWN]
    blocks = letter_blocks(subject, headers, plain="\n\n".join(plain), html="\n".join(pages))
    return ParsedDocument(tuple(blocks), title=" ".join(cleaned(subject).split()), parts=tuple(folder.parts))


def _leaves(message: Message) -> Iterator[Any]:
    """Parts in order, without recursion. A message inside the message is a part, not more of this one's text."""
    open_parts: list[Any] = [message]
    while open_parts:
        part = open_parts.pop()
        if part.get_content_maintype() == "multipart":
            children = part.get_payload()
            open_parts += reversed(children if isinstance(children, list) else [])
        else:
            yield part


def _is_attachment(part: EmailMessage) -> bool:
    if part.get_content_type() == "message/rfc822" or part.get_content_disposition() == "attachment":
        return True
    is_text = part.get_content_maintype() == "text"
    # Pictures inside the text (logos, signatures) come with every message: they are no documents.
    is_inline = part.get_content_maintype() == "image" or "Content-ID" in part
    return bool(part.get_filename()) and not is_text and not is_inline


def _file_name(part: EmailMessage, number: int) -> str:
    name = part.get_filename() or ""
    if part.get_content_type() == "message/rfc822":
        inner = part.get_payload()
        subject = _header(inner[0], "Subject") if isinstance(inner, list) and inner else ""
        return safe_name(name or f"{subject.replace('/', '-') or f'message {number}'}.eml", f"message {number}.eml")
    return safe_name(name.replace("/", "-"), f"attachment {number}")


def _bytes(part: EmailMessage) -> bytes:
    if part.get_content_type() == "message/rfc822":
        inner = part.get_payload()
        return bytes(inner[0]) if isinstance(inner, list) and inner else b""
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _text(part: EmailMessage) -> str:
    data = _bytes(part)
    try:
        return data.decode(part.get_content_charset() or "utf-8")
    except (LookupError, UnicodeDecodeError):
        return decoded(data)


def _header(message: Any, name: str) -> str:
    """A header that is endless or breaks its own rules is shown as it stands."""
    raw = next((str(value) for key, value in message.raw_items() if key.lower() == name.lower()), "")
    if len(raw) > _LONGEST_HEADER:
        return raw[:_LONGEST_HEADER]
    try:
        return str(message.get(name, ""))
    except Exception:  # noqa: BLE001 - the parser of headers fails in ways of its own on what spam makes up
        return raw
