"""Bodies of OpenAI's clients, as far as they mean something here. Pure.

What changes only how a model would write (temperature, max_tokens, seed …) is ignored: the organisation's answer policy
decides that. What would promise something that is not kept (tools, several choices, pictures …) is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from chat.openai_api.errors import InvalidRequest
from chat.selectors import HISTORY_MESSAGES
from knowledge.answering.history import within
from knowledge.types import Role, Turn

FOOTNOTES = "\n\nSources:\n"
OUR_FOOTNOTES = re.compile(r"\n\nSources:\n(?:\[\d+\] .*(?:\n|$))+\s*\Z")
MOST_TEXTS = 2048
MOST_CHARACTERS = 1_000_000
REFUSED = ("tools", "functions", "audio", "prediction", "web_search_options", "logprobs", "top_logprobs")
ROLES = {"system", "developer", "user", "assistant", "tool", "function"}


@dataclass(frozen=True, slots=True)
class ChatRequest:
    model: str
    question: str
    history: tuple[Turn, ...] = ()
    is_streamed: bool = False
    has_usage: bool = False  # a last chunk with the usage
    has_footnotes: bool = True


@dataclass(frozen=True, slots=True)
class EmbeddingRequest:
    model: str
    texts: tuple[str, ...]
    is_base64: bool = False


# -- chat -------------------------------------------------------------------------------------------


def parse_chat(body: object) -> ChatRequest:
    """The question is the last message, which must be the user's; what was said before is its history."""
    fields = as_object(body)
    refuse_unkept(fields)
    options = fields.get("stream_options")
    said = [spoken(message, place) for place, message in enumerate(messages_of(fields))]
    turns = [turn for turn in said if turn is not None]
    if not turns or turns[-1].role is not Role.USER or not turns[-1].text:
        raise InvalidRequest("The last message must be the user's question.", "messages")
    return ChatRequest(
        model=text_of(fields, "model"),
        question=turns[-1].text,
        history=recent(turns[:-1]),
        is_streamed=flag(fields, "stream", default=False),
        has_usage=isinstance(options, dict) and options.get("include_usage") is True,
        has_footnotes=flag(fields, "footnotes", default=True),
    )


def as_object(body: object) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise InvalidRequest("The body must be a JSON object.", "body")
    return body


def refuse_unkept(fields: dict[str, Any]) -> None:
    for name in REFUSED:
        if fields.get(name):
            raise InvalidRequest(f"Vena does not support {name}. Leave it out.", name)
    if fields.get("n") not in (None, 1):
        raise InvalidRequest("Vena gives one answer to a question: n must be 1.", "n")
    wanted = fields.get("response_format")
    if wanted is not None and (not isinstance(wanted, dict) or wanted.get("type") != "text"):
        raise InvalidRequest("Vena answers in Markdown: response_format must be text.", "response_format")


def messages_of(fields: dict[str, Any]) -> list[Any]:
    found = fields.get("messages")
    if not isinstance(found, list) or not found:
        raise InvalidRequest("messages must be a list with at least one message.", "messages")
    return found


def spoken(message: object, place: int) -> Turn | None:
    """A message as a turn. System messages and tools' results are left out: Vena's own rules and documents hold."""
    param = f"messages[{place}]"
    if not isinstance(message, dict) or message.get("role") not in ROLES:
        raise InvalidRequest("A message has a role and a content.", param)
    if message["role"] not in {"user", "assistant"}:
        return None
    text = content_of(message.get("content"), param)
    if message["role"] == "assistant":
        return Turn(Role.ASSISTANT, without_footnotes(text)) if text else None
    return Turn(Role.USER, text)


def content_of(content: object, param: str) -> str:
    """A text, or a list of text parts."""
    if content is None:
        return ""
    parts = [content] if isinstance(content, str) else content
    if not isinstance(parts, list):
        raise InvalidRequest("The content of a message is a text.", param)
    return storable("\n".join(part_of(part, param) for part in parts)).strip()


def part_of(part: object, param: str) -> str:
    text = part.get("text") if isinstance(part, dict) and part.get("type") == "text" else part
    if not isinstance(text, str):
        raise InvalidRequest("Vena reads text only: no pictures, sounds or files in a message.", param)
    return text


def storable(text: str) -> str:
    """PostgreSQL stores no NUL, and UTF-8 no lone surrogate."""
    return text.replace("\x00", "").encode("utf-8", "ignore").decode()


def without_footnotes(text: str) -> str:
    """An earlier answer as it was before the list of its sources was put under it."""
    return OUR_FOOTNOTES.sub("", text)


def recent(turns: list[Turn]) -> tuple[Turn, ...]:
    """The last ones, within the same budget as a conversation on the page."""
    return within(reversed(turns[-2 * HISTORY_MESSAGES :]), settings.VENA_HISTORY_TOKENS)


# -- embeddings -------------------------------------------------------------------------------------


def parse_embeddings(body: object, dimensions: int) -> EmbeddingRequest:
    fields = as_object(body)
    wanted = fields.get("encoding_format", "float")
    if wanted not in ("float", "base64"):
        raise InvalidRequest("encoding_format is float or base64.", "encoding_format")
    if fields.get("dimensions") is not None and fields["dimensions"] != dimensions:
        raise InvalidRequest(f"This organisation's vectors have {dimensions} dimensions.", "dimensions")
    return EmbeddingRequest(text_of(fields, "model"), texts_of(fields.get("input")), wanted == "base64")


def texts_of(value: object) -> tuple[str, ...]:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not texts or not all(isinstance(one, str) and one.strip() for one in texts):
        raise InvalidRequest("input is a text or a list of texts; tokens and empty texts are not taken.", "input")
    if len(texts) > MOST_TEXTS or sum(map(len, texts)) > MOST_CHARACTERS:
        raise InvalidRequest(f"At most {MOST_TEXTS} texts and {MOST_CHARACTERS:,} characters a request.", "input")
    return tuple(storable(one) for one in texts)


def text_of(fields: dict[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not value:
        raise InvalidRequest(f"{name} is missing.", name)
    return value


def flag(fields: dict[str, Any], name: str, *, default: bool) -> bool:
    value = fields.get(name)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise InvalidRequest(f"{name} is true or false.", name)
    return value
