"""What makes two questions the same question: the keys of cached answers. No database, no network.

Everything that can change an answer is in the key, so a change of any of it finds nothing and nothing has to be swept.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
import unicodedata
from uuid import UUID

from django.conf import settings

from knowledge.answering.prompts import build_prompt
from knowledge.providers.registry import default_chat_provider
from knowledge.retrieval.scope import scope_key
from knowledge.types import AnswerSettings, Passage, Question
from tenants.types import TenantKey

FOLDED = 4  # folding once more than this changes no text we know of
EMAIL = re.compile(r"[^\s@]+@[^\s@]+\.\w")
LONG_NUMBER = re.compile(r"(?:\d[ ./()-]{0,2}){7,}")  # telephones, accounts, identity numbers; also a full date
WORD = re.compile(r"\w+")
ENDING = re.compile(r"(?:[\s?.\u3002\u061f]|(?<![0-9])!)+\Z")
SAMPLE = Passage(
    n=1,
    chunk_id=UUID(int=0),
    document_id=UUID(int=0),
    title="Title",
    text="Text",
    heading_path=("Heading",),
    page=1,
    position=0,
    score=0.0,
    similarity=0.0,
)


def normalised(text: str) -> str:
    """The question without what never changes its meaning: case, width, runs of spaces, the mark at its end.

    Words in capitals stay ("IT", "US" are not "it", "us"), unless all of the text is in capitals; so do powers,
    indices and fractions (10² is not 102).
    """
    for _ in range(FOLDED):
        folded = _folded(text)
        if folded == text:
            break
        text = folded
    return text


def is_keepable(question: Question) -> bool:
    """Whether an answer to it may be kept, and given to others: it must depend on nothing but question and documents.

    A follow-up depends on its conversation. A question with somebody's address or number is a person's own.
    """
    return (
        question.settings.is_cached
        and settings.VENA_ANSWER_CACHE_SECONDS > 0
        and question.index_version > 0
        and not question.history
        and not question.summary
        and not is_personal(question.text)
    )


def is_personal(text: str) -> bool:
    return bool(EMAIL.search(text) or LONG_NUMBER.search(text))


def answer_key(question: Question) -> str:
    digest = _digest(circumstances(question), normalised(question.text))
    return f"{prefix_of(question.library.tenant.schema_name)}answer:{digest}"


def similar_key(question: Question) -> str:
    """Of the list of questions that were asked under the same circumstances, in whatever words."""
    return f"{prefix_of(question.library.tenant.schema_name)}similar:{_digest(circumstances(question))}"


def pointer_key(schema_name: str, answer_id: UUID) -> str:
    """Where it is kept which entry an answer was stored as, or came from."""
    return f"{prefix_of(schema_name)}of:{answer_id}"


def prefix_key(tenant: TenantKey, system: str) -> str:
    """Names what an organisation's prompts begin with, to a provider, without naming the organisation."""
    return _digest(str(tenant.id), system)


def prefix_of(schema_name: str) -> str:
    return f"{settings.VENA_REDIS_PREFIX}:{schema_name}:cache:"


def circumstances(question: Question) -> str:
    """Everything but the words of the question that an answer depends on."""
    library, chosen = question.library, question.settings
    values = [
        str(library.tenant.id),
        scope_key(question.scope),
        question.index_version,
        library.space.version,
        library.is_reranked,
        _retrieval(chosen),
        _models(chosen),
        chosen.prompt_version,
        _prompt_digest(library.organisation_name, chosen.instructions),
        str(chosen.arm_id or ""),
    ]
    return json.dumps(values, separators=(",", ":"))


def _retrieval(chosen: AnswerSettings) -> list[object]:
    return [
        chosen.is_multi_query,
        chosen.is_reranked,
        chosen.passages or settings.VENA_PASSAGES,
        settings.VENA_PASSAGE_TOKENS,
        settings.VENA_CANDIDATES,
        settings.VENA_RERANKED,
        settings.COHERE_MODEL if settings.COHERE_API_KEY else "",
    ]


def _models(chosen: AnswerSettings) -> list[object]:
    """By their names as chosen and as the platform would choose; which server stands behind them as well."""
    return [
        chosen.primary.provider or default_chat_provider(),
        chosen.primary.model,
        [chosen.backup.provider, chosen.backup.model] if chosen.backup else None,
        settings.OPENAI_MODEL,
        settings.OPENAI_BASE_URL,
        settings.ANTHROPIC_MODEL,
    ]


@functools.lru_cache(maxsize=1024)
def _prompt_digest(organisation_name: str, instructions: str) -> str:
    """Of all words around question and passages: when one of them changes, older answers are not found."""
    prompt = build_prompt("Question", [SAMPLE], [], organisation_name=organisation_name, instructions=instructions)
    return _digest(prompt.system, *(turn.text for turn in prompt.turns))


def _digest(*texts: str) -> str:
    return hashlib.sha256(json.dumps(texts).encode("utf-8", "surrogatepass")).hexdigest()[:40]


def _folded(text: str) -> str:
    text = " ".join(_one_width(text).replace("\u2019", "'").split())
    is_shouted = not any(character.islower() for character in text)
    text = text.casefold() if is_shouted else WORD.sub(_quiet, text)
    return ENDING.sub("", _one_width(text)) or text


def _quiet(word: re.Match[str]) -> str:
    text = word[0]
    return text if len(text) > 1 and text.isupper() else text.casefold()


def _one_width(text: str) -> str:
    """NFKC, less the powers, indices and fractions, which it would turn into other numbers."""
    if text.isascii():
        return text
    return "".join(map(_one_width_of, re.split(r"([^\x00-\x7f])", text))) if _has_small_signs(text) else nfkc(text)


def _one_width_of(piece: str) -> str:
    return piece if _is_small_sign(piece) else nfkc(piece)


def _has_small_signs(text: str) -> bool:
    return any(_is_small_sign(character) for character in text)


def _is_small_sign(text: str) -> bool:
    return len(text) == 1 and unicodedata.decomposition(text).startswith(("<super>", "<sub>", "<fraction>"))


def nfkc(text: str) -> str:
    return unicodedata.normalize("NFKC", text)
