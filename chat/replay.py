"""The frames of an answer that is over, from what is stored."""

from __future__ import annotations

from uuid import UUID

from accounts.models import User
from chat import protocol
from chat.models import Message
from chat.protocol import Frame
from chat.selectors import answer_of, source_frame, usage_of


def stored_frames(user: User, answer_id: UUID, after: int) -> list[Frame]:
    """Sources, the text, the end. `after` = 0 asks for everything; later viewers get the end with the full text."""
    message = answer_of(user, answer_id)
    if message.status == Message.Status.STREAMING:
        return []  # the sweep settles it within half a minute; the client asks again
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
