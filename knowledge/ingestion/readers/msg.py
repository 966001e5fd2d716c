"""Outlook's messages (.msg): headers, body, and the attachments as parts."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from functools import partial
from typing import TypeVar

import oxmsg
from oxmsg.attachment import Attachment

from knowledge.errors import DamagedDocument
from knowledge.ingestion.readers.letters import letter_blocks
from knowledge.ingestion.readers.packages import damage_named
from knowledge.ingestion.readers.parts import PartsFolder, safe_name
from knowledge.ingestion.readers.source import Source
from knowledge.ingestion.readers.text import cleaned
from knowledge.types import ParsedDocument

T = TypeVar("T")

_SHOWN_TO, _SHOWN_CC, _SHORT_NAME = 0x0E04, 0x0E03, 0x3704  # properties the library has no name for
_BROKEN = (LookupError, ValueError, AssertionError, struct.error)


def read_msg(source: Source) -> ParsedDocument:
    try:
        with damage_named():
            return _parsed(oxmsg.Message.load(str(source.path)), source)
    except struct.error as error:
        raise DamagedDocument(detail=str(error)) from error


def _parsed(message: oxmsg.Message, source: Source) -> ParsedDocument:
    subject = _read(lambda: message.subject) or ""
    plain, html = _read(lambda: message.body), _read(lambda: message.html_body)
    blocks = letter_blocks(subject, _headers(message), plain=plain or "", html=html or "")
    folder = PartsFolder(source)
    for attachment in message.attachments:
        data = _read(partial(getattr, attachment, "file_bytes"))
        if data:  # a message inside the message has none: Outlook keeps it in pieces
            folder.add(_file_name(attachment, len(folder.parts) + 1), [data])
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


def _file_name(attachment: Attachment, number: int) -> str:
    name = _read(lambda: attachment.file_name or attachment.properties.str_prop_value(_SHORT_NAME))
    return safe_name((name or "").replace("/", "-"), f"attachment {number}")


def _read(value: Callable[[], T]) -> T | None:
    """One property that is broken or missing is no reason to refuse the rest of a message."""
    try:
        return value()
    except _BROKEN:
        return None
