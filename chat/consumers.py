"""The socket: translates frames, asks for turns, forwards what they publish. It never queries and never prompts."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import aclosing
from typing import Any, ParamSpec, TypeVar
from uuid import UUID

from channels.generic.websocket import AsyncWebsocketConsumer
from redis.exceptions import RedisError

from accounts.errors import NotSignedIn
from accounts.models import User
from accounts.websockets import Credential
from chat import protocol
from chat.actions import Accepted, answer_regenerate, question_accept, question_edit
from chat.errors import AnswerCrashed, ServerRestarting, StopNotHeard
from chat.live import switchboard
from chat.protocol import Ask, ClientFrame, Edit, Frame, Ping, Regenerate, Resume, Stop
from chat.replay import stored_frames
from chat.selectors import answer_of
from chat.turns import Turn
from chat.watch import NOT_SIGNED_IN, watch
from tenants.context import in_tenant
from tenants.errors import OrganisationSuspended
from tenants.models import Organisation
from tenants.types import TenantKey
from vena_platform.errors import VenaError

logger = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

RESTARTING = 1012  # as the web server itself closes; clients come back
MAX_FOLLOWED = 20  # answers one socket watches at once
LOOK_AGAIN = 0.5  # seconds


class ViewerGone(Exception):
    """The other end of the socket is not there any more."""


class ChatConsumer(AsyncWebsocketConsumer):
    followed: dict[UUID, asyncio.Task[None]]
    user: User
    tenant: TenantKey
    organisation: Organisation
    credential: Credential
    loop: asyncio.AbstractEventLoop
    sending: dict[object, float]  # what is being sent, since when

    async def connect(self) -> None:
        self.followed, self.sending = {}, {}
        self.loop = asyncio.get_running_loop()
        offered = self.scope.get("subprotocols") or []
        await self.accept(protocol.SUBPROTOCOL if protocol.SUBPROTOCOL in offered else None)
        if self.scope["user"] is None:
            await self.tell(protocol.failure(self.scope["refusal"]))
            await self.close(NOT_SIGNED_IN)
            return
        self.user, self.tenant = self.scope["user"], self.scope["tenant"]
        self.organisation, self.credential = self.scope["organisation"], self.scope["credential"]
        if switchboard().is_leaving:
            await self.close(RESTARTING)
        else:
            watch().add(self)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if self.scope["user"] is None:
            return
        try:
            await self.act(protocol.parse_frame(text_data or ""))
        except ServerRestarting as error:
            await self.tell(protocol.failure(error))
            if not self.is_following:
                await self.close(RESTARTING)  # the client comes back, to the process that takes over
        except VenaError as error:
            await self.tell(protocol.failure(error))
        except ViewerGone:
            raise
        except Exception:  # the boundary: the socket survives our bugs
            logger.exception("chat.frame_failed")
            await self.tell(protocol.failure(AnswerCrashed()))

    async def act(self, frame: ClientFrame) -> None:
        match frame:
            case Ask():
                await self.begin(question_accept, ask=frame)
            case Edit():
                await self.begin(question_edit, edit=frame)
            case Regenerate(message=message, client_id=client_id):
                await self.begin(answer_regenerate, message_id=message, client_id=client_id)
            case Stop(answer=answer):
                await self.run(answer_of, self.user, answer)  # theirs, or an error
                await self.stop(answer)
            case Resume(answer=answer, after=after):
                await self.run(answer_of, self.user, answer)
                self.follow(answer, after)
            case Ping():
                await self.tell(protocol.PONG)

    async def begin(self, open_turn: Callable[..., Accepted], **wish: Any) -> None:
        """Store what was asked, let the answer run as a task of the server's, say so and follow it."""
        board = switchboard()
        board.admit()
        accepted = await board.opening(self.opened(open_turn, **wish))
        await self.tell(
            protocol.accepted(
                client_id=accepted.client_id,
                conversation=accepted.conversation_id,
                question=accepted.question_id,
                answer=accepted.answer_id,
            )
        )
        self.follow(accepted.answer_id)

    async def opened(self, open_turn: Callable[..., Accepted], **wish: Any) -> Accepted:
        accepted = await self.run(open_turn, organisation_id=self.organisation.pk, user_id=self.user.pk, **wish)
        if accepted.question:
            Turn(switchboard(), accepted.question).start()
        return accepted

    async def stop(self, answer: UUID) -> None:
        try:
            await switchboard().stop(self.tenant, answer)
        except RedisError as error:
            raise StopNotHeard(detail=str(error)) from error

    # -- viewing ---------------------------------------------------------------------------------

    @property
    def is_following(self) -> bool:
        return any(not task.done() for task in self.followed.values())

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
        """Until its end: from where it runs, else from what is stored. Nothing is told twice."""
        try:
            while True:
                after, is_over = await self.forward_running(answer, after)
                if is_over:
                    return
                is_orphan = await self.is_orphan(answer)
                frames = await self.run(stored_frames, self.user, answer, after, is_orphan=is_orphan)
                for frame in frames:
                    await self.tell(frame)
                if frames:
                    return
                await asyncio.sleep(LOOK_AGAIN)  # it begins in another process, or that one died and is being settled
        except VenaError as error:
            await self.tell(protocol.failure(error, answer))
        except ViewerGone:
            return

    async def forward_running(self, answer: UUID, after: int) -> tuple[int, bool]:
        """The last number that was told, and whether the end was."""
        is_over = False
        try:
            async with aclosing(switchboard().follow(self.tenant, answer, after)) as frames:
                async for sent in frames:
                    await self.send_text(sent.text)
                    is_over = sent.frame["type"] == "done"
                    after = max(after, sent.frame.get("seq", 0))
        except RedisError:
            logger.exception("chat.follow_failed")
        return after, is_over

    async def is_orphan(self, answer: UUID) -> bool:
        """Surely run by nobody."""
        try:
            return not await switchboard().is_running(self.tenant, answer)
        except RedisError:
            return False

    async def run(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await in_tenant(self.tenant.schema_name, function, *args, **kwargs)

    # -- sending ---------------------------------------------------------------------------------

    async def tell(self, frame: Frame) -> None:
        await self.send_text(protocol.encoded(frame))

    async def send_text(self, text: str) -> None:
        """Waits while the client does not read: what is waiting is one frame, the rest stays where it is."""
        attempt = object()
        self.sending[attempt] = self.loop.time()
        try:
            await self.base_send({"type": "websocket.send", "text": text})
        except OSError as error:  # what ASGI servers say when the client has gone
            raise ViewerGone from error
        finally:
            del self.sending[attempt]

    @property
    def blocked_since(self) -> float | None:
        return min(self.sending.values(), default=None)

    async def leave(self, code: int) -> None:
        """Who may not listen any more is told, and hears nothing further."""
        self.end_viewing()
        await self.tell(protocol.failure(NotSignedIn() if code == NOT_SIGNED_IN else OrganisationSuspended()))
        await self.close(code)

    def give_up(self) -> None:
        """The client has read nothing for long: the line is cut, without waiting for what stands in it."""
        self.end_viewing()
        logger.warning("chat.slow_reader", extra={"organisation": self.tenant.schema_name})
        cut(self.base_send)

    async def disconnect(self, code: int) -> None:
        """The viewer leaves; the answers go on."""
        self.end_viewing()

    def end_viewing(self) -> None:
        watch().remove(self)
        for task in self.followed.values():
            task.cancel()


def cut(send: Any) -> None:
    """ASGI has no word for dropping a line whose other end does not read; a close frame would wait behind the rest."""
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    if transport is not None:
        transport.abort()
