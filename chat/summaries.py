"""What a long conversation began with, in a few sentences: made behind an answer, for the questions to come."""

from __future__ import annotations

from uuid import UUID

from chat.models import Conversation, Message
from chat.selectors import history_of, said_on
from knowledge.answering.assist import summarised
from knowledge.answering.history import within
from knowledge.answering.policy import answer_settings
from knowledge.providers.loops import run_in_loop
from knowledge.selectors import asker_of
from tenants.models import Organisation

MOST_TOKENS = 6000  # of what is summarised in one go; the newest of it


def conversation_summarise(*, schema_name: str, answer_id: UUID) -> bool:
    """Bring the summary up to what the prompt of a question behind this answer would not be told any more.

    Runs inside the organisation's schema; safe to repeat. False: there was nothing to do, or nobody to do it.
    """
    answer = Message.objects.select_related("conversation__member").filter(pk=answer_id).first()
    settings = answer_settings()
    if answer is None:
        return False
    conversation, member = answer.conversation, answer.conversation.member
    recalled = history_of(conversation, answer_id)
    said = said_on(recalled.left_out)
    if not said:
        return False
    turns = within([turn for _, turn in reversed(said)], MOST_TOKENS)
    tenant = Organisation.objects.get(schema_name=schema_name).key
    asker = asker_of(member)
    text = run_in_loop(summarised(turns, recalled.summary, tenant, asker, answer_id, conversation.pk, settings))
    return bool(text) and summary_store(conversation, text or "", recalled.left_out[-1])


def summary_store(conversation: Conversation, text: str, upto: UUID) -> bool:
    """Unless another one was stored since this one was begun."""
    unchanged = Conversation.objects.filter(pk=conversation.pk, summary_upto=conversation.summary_upto_id)
    if conversation.summary_upto_id is None:
        unchanged = Conversation.objects.filter(pk=conversation.pk, summary_upto=None)
    return bool(unchanged.update(summary=text, summary_upto=upto))
