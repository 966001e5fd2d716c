"""One turn: run the answer as a task of the server's, gather its text into frames, store its end."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import aclosing

from django.conf import settings

from chat import protocol
from chat.actions import answer_checkpoint
from chat.citing import passage_frame, quotes_of
from chat.endings import Outcome, answer_store
from chat.errors import AnswerCrashed
from chat.live import LiveAnswer, Switchboard
from chat.models import Message
from chat.protocol import Frame
from chat.tasks import summarise_conversation
from knowledge.answering.assist import has_assistant
from knowledge.answering.pipeline import answer_question
from knowledge.types import AnswerEvent, Finished, Notice, Question, Receipt, SourcesFound, TextDelta
from tenants.context import in_tenant, mark_active
from vena_platform import counters
from vena_platform.errors import VenaError

logger = logging.getLogger(__name__)

CHECKPOINT_SECONDS = 5.0


class Turn:
    """A running answer: events in, frames out, an outcome at the end."""

    def __init__(self, board: Switchboard, question: Question) -> None:
        self.board = board
        self.question = question
        self.live: LiveAnswer = board.begin(question.library.tenant, question.answer_id)
        self.outcome = Outcome(arm_id=question.settings.arm_id)
        self.receipt = Receipt()
        self.began = time.monotonic()
        self._loop = asyncio.get_running_loop()  # once: to ask for it costs a system call in Python 3.11
        self._pending: list[str] = []
        self._waiting = 0  # characters
        self._sent: list[str] = []
        self._timer: asyncio.Handle | None = None
        self._last_frame = 0.0
        self._last_checkpoint = self.began
        self._checkpoint: asyncio.Task[None] | None = None

    def start(self) -> LiveAnswer:
        self.live.task = asyncio.create_task(self.run(), name=f"answer.{self.live.id}")
        return self.live

    async def run(self) -> None:
        mark_active(self.question.library.tenant.schema_name)
        error: VenaError | None = None
        try:
            async with aclosing(answer_question(self.question, self.receipt)) as events:
                async for event in events:
                    self.take(event)
        except asyncio.CancelledError:
            self.outcome.status = self.live.end_as
        except VenaError as expected:
            logger.warning("answer.failed", extra={"code": expected.code, "detail": expected.detail})
            error = expected
        except Exception:  # the boundary: a lost task would fail in silence
            logger.exception("answer.crashed", extra={"answer": str(self.live.id)})
            error = AnswerCrashed()
        # From here on nothing may be cancelled: the end is stored and told, whatever happens to us.
        await asyncio.shield(asyncio.ensure_future(self.finish(error)))

    def take(self, event: AnswerEvent) -> None:
        match event:
            case TextDelta(text=text):
                self.gather(text)
            case SourcesFound(passages=passages):
                self.outcome.passages = passages
                self.publish(protocol.sources(self.live.id, [passage_frame(passage) for passage in passages]))
            case Notice(code=code, detail=detail):
                self.flush()
                self.outcome.notices.append({"code": code, "detail": detail})
                self.publish(protocol.notice(self.live.id, code, detail))
            case Finished() as end:
                self.outcome.take(end)

    # -- frames ------------------------------------------------------------------------------------

    def gather(self, text: str) -> None:
        """The first text leaves at once; after that, what comes within a few dozen milliseconds leaves together.

        "At once" is after everything that has come by now was taken, hence `call_soon`.
        """
        if not text:
            return
        self._pending.append(text)
        self._waiting += len(text)
        now = time.monotonic()
        if self.outcome.first_text_ms is None:
            self.outcome.first_text_ms = round((now - self.began) * 1000)
        due = self._last_frame + settings.VENA_FRAME_SECONDS - now
        if self._waiting >= settings.VENA_FRAME_CHARACTERS:
            self.flush()
        elif self._timer is None:
            self._timer = self._loop.call_later(due, self.flush) if due > 0 else self._loop.call_soon(self.flush)

    def flush(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if not self._pending:
            return
        text = "".join(self._pending)
        self._pending.clear()
        self._waiting = 0
        self._last_frame = time.monotonic()
        self._sent.append(text)
        self.publish(protocol.delta(self.live.id, self.live.next_seq(), text))
        if self._last_frame - self._last_checkpoint > CHECKPOINT_SECONDS:
            self.checkpoint()

    def checkpoint(self) -> None:
        self._last_checkpoint = time.monotonic()
        if self._checkpoint is None or self._checkpoint.done():
            work = in_tenant(self.live.tenant.schema_name, answer_checkpoint, self.live.id, "".join(self._sent))
            self._checkpoint = asyncio.create_task(work)

    def publish(self, frame: Frame) -> None:
        self.board.publish(self.live, frame)

    # -- the end -----------------------------------------------------------------------------------

    async def finish(self, error: VenaError | None) -> None:
        self.flush()
        outcome = self.outcome
        outcome.text = "".join(self._sent)
        outcome.usage, outcome.cost_gbp = self.receipt.usage, self.receipt.cost_gbp
        if error:
            outcome.status = Message.Status.FAILED
            outcome.error_code, outcome.error_detail = error.code, error.text
        counters.count("answers", status=str(outcome.status))
        if self._checkpoint:
            await asyncio.wait([self._checkpoint])
        try:
            await in_tenant(self.live.tenant.schema_name, answer_store, self.live.id, outcome)
        except Exception:  # the person still gets the end; the sweep settles the row
            logger.exception("answer.store_failed", extra={"answer": str(self.live.id)})
        if error:
            self.publish(protocol.failure(error, self.live.id))
        self.publish(self.done())
        self.board.end(self.live)
        await self.summarise()

    async def summarise(self) -> None:
        """Ask a worker to; the person has the answer already."""
        question = self.question
        if not (question.is_cut and await has_assistant(question.library.tenant, question.settings)):
            return
        schema_name = self.live.tenant.schema_name
        try:
            wanted = {"schema_name": schema_name, "answer_id": str(self.live.id)}
            await in_tenant(schema_name, summarise_conversation.delay, **wanted)
        except Exception:  # a nicety: the next answer asks again
            logger.exception("summary.not_asked", extra={"answer": str(self.live.id)})

    def done(self) -> Frame:
        outcome = self.outcome
        cited = [
            passage_frame(passage, quotes_of(passage, outcome.supports))
            for passage in outcome.passages
            if passage.n in outcome.cited
        ]
        usage = outcome.usage
        spent = protocol.usage(
            model=usage.model if usage else "",
            input_tokens=usage.input_tokens if usage else 0,
            output_tokens=usage.output_tokens if usage else 0,
            cost_gbp=outcome.cost_gbp,
            cached=outcome.is_cached,
        )
        return protocol.done(
            self.live.id, self.live.next_seq(), status=outcome.status, text=outcome.text, citations=cited, spent=spent
        )
