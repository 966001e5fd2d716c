"""Finding a conversation again: every word begins a word of one of its messages, or stands in its title."""

from __future__ import annotations

import re
from collections.abc import Sequence
from uuid import UUID

from django.contrib.postgres.search import SearchQuery, SearchVector
from django.db.models import Q, QuerySet

from accounts.models import User
from chat.models import Conversation, Message

MOST_WORDS = 8
BEFORE, AFTER = 40, 120  # characters of a snippet around its first match
WORD = re.compile(r"[^\W_]+")


def words_of(text: str) -> list[str]:
    """As PostgreSQL's `simple` configuration cuts them, near enough: letters and digits."""
    return WORD.findall(text.lower())[:MOST_WORDS]


def conversations_with(user: User, words: Sequence[str]) -> QuerySet[Conversation]:
    """The person's conversations that hold all of the words in one message, or in the title."""
    in_title = Q(member=user)
    for word in words:
        in_title &= Q(title__icontains=word)
    in_text = Q(member=user, pk__in=messages_with(user, words).order_by().values("conversation"))
    return Conversation.objects.filter(in_title | in_text)


def messages_with(user: User, words: Sequence[str]) -> QuerySet[Message]:
    return holding(Message.objects.filter(conversation__member=user), words)


def holding(rows: QuerySet[Message], words: Sequence[str]) -> QuerySet[Message]:
    """The vector is spelled as in the index `message_words`, which is used so."""
    wanted = SearchQuery(" & ".join(f"'{word}':*" for word in words), config="simple", search_type="raw")
    return rows.annotate(words=SearchVector("text", config="simple")).filter(words=wanted)


def snippets(user: User, conversations: Sequence[Conversation], words: Sequence[str]) -> dict[UUID, str]:
    """For each conversation a stretch of its newest message that holds the words; none where only the title does."""
    rows = messages_with(user, words).filter(conversation__in=conversations).order_by("conversation_id", "-created_at")
    found = rows.distinct("conversation_id").values_list("conversation_id", "text")
    return {conversation: snippet(text, words) for conversation, text in found}


def snippet(text: str, words: Sequence[str]) -> str:
    """The surroundings of the first match in one line, each match within «»."""
    line = " ".join(text.replace("«", "“").replace("»", "”").split())
    match = re.compile(rf"(?<![^\W_])(?:{'|'.join(map(re.escape, words))})[^\W_]*", re.IGNORECASE)
    first = match.search(line)
    middle = first.start() if first else 0
    start = line.rfind(" ", 0, max(0, middle - BEFORE)) + 1 if middle > BEFORE else 0
    end = middle + AFTER
    if end < len(line):
        end = max(line.rfind(" ", 0, end), first.end() if first else 0)
    shown = match.sub(lambda found: f"«{found.group()}»", line[start:end])
    return f"{'… ' if start else ''}{shown.strip()}{' …' if end < len(line) else ''}"
