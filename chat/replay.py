"""The frames of an answer that is over, from what is stored."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.utils import timezone

from accounts.models import User
from chat import protocol
from chat.actions import answer_interrupt
from chat.citing import source_frame
from chat.models import Message
from chat.protocol import Frame
from chat.selectors import answer_of, usage_of

ORPHANED_AFTER = timedelta(seconds=60)  # the sweep has looked at it by then, if it ever knew of it


def stored_frames(user: User, answer_id: UUID, after: int, *, is_orphan: bool = False) -> list[Frame]:
    """Sources, the text, the end. `after` = 0 asks for everything; later viewers get the end with the full text.

    Nothing while the answer may just have begun, or waits for the sweep. `is_orphan` says that surely nobody runs it.
    """
    message = answer_of(user, answer_id)
    if message.status == Message.Status.STREAMING:
        if not is_orphan or timezone.now() - message.created_at < ORPHANED_AFTER:
            return []
        answer_interrupt(answer_id, message.text)  # its process died before it could say that it had begun
        message = answer_of(user, answer_id)
    rows = list(message.sources.all())
    frames = [protocol.sources(message.pk, [source_frame(row) for row in rows])] if rows else []
    if message.text and after == 0:
        frames.append(protocol.delta(message.pk, 1, message.text))
    frames.append(
        protocol.done(
            message.pk,
            max(after, 1) + 1,
            status=message.status,
            text=message.text,
            citations=[source_frame(row) for row in rows if row.is_cited],
            spent=usage_of(message),
        )
    )
    return frames
