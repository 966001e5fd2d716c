"""Outlook's messages (.msg): headers, body, and the attachments as parts."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from functools import partial
from typing import TypeVar

import oxmsg
from oxmsg.attachment import Attachment
from oxmsg.properties import Properties
from oxmsg.util import lazyproperty

from knowledge.errors import DamagedDocument
from knowledge.ingestion.readers.letters import letter_blocks
from knowledge.ingestion.readers.packages import damage_named
from knowledge.ingestion.readers.parts import PartsFolder, safe_name
from knowledge.ingestion.readers.source import Source
from knowledge.ingestion.readers.text import cleaned
from knowledge.types import ParsedDocument

T = TypeVar("T")

_SHOWN_TO, _SHOWN_CC, _SHORT_NAME = 0x0E04, 0x0E03, 0x3704  # properties the library has no name for
_INNER_FOLDER, _INNER_HEADER = "__substg1.0_3701000D", 24  # bytes
_DEEPEST = 8  # messages in messages
_LONGEST_HEADER = 2_000  # characters
_BOUNDARY = "between_the_parts_of_a_message_inside_a_message"
_BROKEN = (LookupError, ValueError, AssertionError, AttributeError, OverflowError, struct.error)


def read_msg(source: Source) -> ParsedDocument:
    try:
        with damage_named():
            return _parsed(oxmsg.Message.load(str(source.path)), source)
    except (struct.error, OverflowError) as error:  # the size of a sector is read from the file
        raise DamagedDocument(detail=str(error)) from error


def _parsed(message: oxmsg.Message, source: Source) -> ParsedDocument:
    subject = _read(lambda: message.subject) or ""
    plain, html = _read(lambda: message.body), _read(lambda: message.html_body)
    blocks = letter_blocks(subject, _headers(message), plain=plain or "", html=html or "")
    folder = PartsFolder(source)
    for attachment in message.attachments:
        name, data = _file(attachment, len(folder.parts) + 1)
        folder.add(name, [data])
    return ParsedDocument(tuple(blocks), title=" ".join(cleaned(subject).split()), parts=tuple(folder.parts))


def _headers(message: oxmsg.Message) -> Iterator[tuple[str, str]]:
    """As the message carried them; a message that never travelled has Outlook's own notes of them."""
    carried = {name.lower(): value for name, value in (_read(lambda: message.message_headers) or {}).items()}
    sender: str | None = _read(lambda: message.sender)
    yield "From", sender or ""
    for name, number in (("To", _SHOWN_TO), ("Cc", _SHOWN_CC)):
        shown: str | None = _read(partial(message.properties.str_prop_value, number))
        yield name, str(carried.get(name.lower(), "")) or shown or ""
    sent = _read(lambda: message.sent_date)
    yield "Date", str(carried.get("date", "")) or (sent.isoformat(" ", "minutes") if sent else "")


def _file(attachment: Attachment, number: int, depth: int = 1) -> tuple[str, bytes]:
    """Its name and bytes; none where it is only a link to somewhere, so that it shows as a part that has no text."""
    name: str | None = _read(lambda: attachment.file_name or attachment.properties.str_prop_value(_SHORT_NAME))
    if (inner := _inner_message(attachment)) is None:
        data: bytes | None = _read(lambda: attachment.file_bytes)
        return safe_name((name or "").replace("/", "-"), f"attachment {number}"), data or b""
    stem = (name or _read(lambda: inner.subject) or f"message {number}").removesuffix(".msg")
    return safe_name(f"{stem}.eml".replace("/", "-"), f"message {number}.eml"), bytes(_as_travelled(inner, depth))


class _InnerMessage(oxmsg.Message):
    """A message inside another: the same properties, behind a shorter header."""

    _properties = lazyproperty(lambda self: Properties(self._storage, properties_header_offset=_INNER_HEADER))


def _inner_message(attachment: Attachment) -> oxmsg.Message | None:
    """Outlook keeps it in pieces, in a folder of its own; the library has no name for that."""
    folders = getattr(attachment._storage, "storages", ())
    return next((_InnerMessage(folder) for folder in folders if folder.name == _INNER_FOLDER), None)


def _as_travelled(message: oxmsg.Message, depth: int) -> EmailMessage:
    """As a mail of the common format, its attachments inside."""
    mail = EmailMessage()
    for name, value in (("Subject", _read(lambda: message.subject) or ""), *_headers(message)):
        people = value.replace(";", ",") if name in ("To", "Cc") else value  # as mails part them, not Outlook
        if line := " ".join(cleaned(people).split())[:_LONGEST_HEADER]:
            _read(partial(mail.__setitem__, name, line))
    plain: str | None = _read(lambda: message.body)
    html: str | None = _read(lambda: message.html_body)
    mail.set_content(cleaned(plain or ""))
    if html:
        mail.add_alternative(cleaned(html), subtype="html")
    for number, attachment in enumerate(message.attachments if depth < _DEEPEST else (), start=1):
        name, data = _file(attachment, number, depth + 1)
        mail.add_attachment(data, maintype="application", subtype="octet-stream", filename=name)
    for number, part in enumerate(mail.walk()):
        if part.is_multipart() and part.get_content_maintype() == "multipart":
            part.set_boundary(f"=_{number}_{_BOUNDARY}")  # the same bytes each time: only changed parts are read anew
    return mail


def _read(value: Callable[[], T]) -> T | None:
    """One property that is broken or missing is no reason to refuse the rest of a message."""
    try:
        return value()
    except _BROKEN:
        return None
