"""The socket: translates frames, asks for turns, forwards what they publish. It never queries and never prompts."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import aclosing
from typing import ParamSpec, TypeVar
from uuid import UUID

from channels.generic.websocket import AsyncWebsocketConsumer

from accounts.errors import NotSignedIn
from accounts.models import User
from chat import protocol
from chat.actions import question_accept
from chat.errors import AnswerCrashed
from chat.live import switchboard
from chat.protocol import Ask, Frame, Ping, Resume, Stop
from chat.replay import stored_frames
from chat.selectors import answer_of
from chat.turns import Turn
from tenants.context import in_tenant
from tenants.models import Organisation
from tenants.types import TenantKey
from vena_platform.errors import VenaError

logger = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

NOT_SIGNED_IN = 4401
MAX_FOLLOWED = 20  # answers one socket watches at once


class ChatConsumer(AsyncWebsocketConsumer):
    followed: dict[UUID, asyncio.Task[None]]
    user: User
    tenant: TenantKey
    organisation: Organisation

    async def connect(self) -> None:
        self.followed = {}
        offered = self.scope.get("subprotocols") or []
        await self.accept(protocol.SUBPROTOCOL if protocol.SUBPROTOCOL in offered else None)
        if self.scope["user"] is None:
            await self.tell(protocol.failure(NotSignedIn()))
            await self.close(NOT_SIGNED_IN)
            return
        self.user, self.tenant = self.scope["user"], self.scope["tenant"]
        self.organisation = self.scope["organisation"]

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if self.scope["user"] is None:
            return
        try:
            await self.act(protocol.parse_frame(text_data or ""))
        except VenaError as error:
            await self.tell(protocol.failure(error))
        except Exception:  # the boundary: the socket survives our bugs
            logger.exception("chat.frame_failed")
            await self.tell(protocol.failure(AnswerCrashed()))

    async def act(self, frame: Ask | Stop | Resume | Ping) -> None:
        match frame:
            case Ask():
                await self.ask(frame)
            case Stop(answer=answer):
                await self.run(answer_of, self.user, answer)  # theirs, or an error
                await switchboard().stop(self.tenant, answer)
            case Resume(answer=answer, after=after):
                await self.run(answer_of, self.user, answer)
                self.follow(answer, after)
            case Ping():
                await self.tell(protocol.PONG)

    async def ask(self, ask: Ask) -> None:
        accepted = await in_tenant(
            self.tenant.schema_name,
            question_accept,
            organisation_id=self.organisation.pk,
            user_id=self.user.pk,
            ask=ask,
        )
        await self.tell(
            protocol.accepted(
                client_id=ask.client_id,
                conversation=accepted.conversation_id,
                question=accepted.question_id,
                answer=accepted.answer_id,
            )
        )
        if accepted.question:
            Turn(switchboard(), accepted.question).start()
        self.follow(accepted.answer_id)

    def follow(self, answer: UUID, after: int = 0) -> None:
        """Forward the answer's frames from a task of our own, so that the next frame is heard meanwhile."""
        if earlier := self.followed.pop(answer, None):
            earlier.cancel()
        for over in [one for one, task in self.followed.items() if task.done()]:
            del self.followed[over]
        while len(self.followed) >= MAX_FOLLOWED:
            self.followed.pop(next(iter(self.followed))).cancel()
        self.followed[answer] = asyncio.create_task(self.forward(answer, after))

    async def forward(self, answer: UUID, after: int) -> None:
        try:
            is_over = False
            async with aclosing(switchboard().follow(self.tenant, answer, after)) as frames:
                async for sent in frames:
                    is_over = sent.frame["type"] == "done"
                    after = max(after, sent.frame.get("seq", 0))  # nothing is told twice
                    await self.send(text_data=sent.text)
            if not is_over:  # it ended some time ago, or its process died: what is stored is told
                for frame in await self.run(stored_frames, self.user, answer, after):
                    await self.tell(frame)
        except VenaError as error:
            await self.tell(protocol.failure(error, answer))

    async def run(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await in_tenant(self.tenant.schema_name, function, *args, **kwargs)

    async def tell(self, frame: Frame) -> None:
        await self.send(text_data=protocol.encoded(frame))

    async def disconnect(self, code: int) -> None:
        """The viewer leaves; the answers go on."""
        for task in self.followed.values():
            task.cancel()
