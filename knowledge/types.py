"""Values that cross the boundaries of `knowledge`. Frozen, free of Django, free of vendors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from uuid import UUID

from tenants.types import TenantKey

Vector = Sequence[float]


@dataclass(frozen=True, slots=True)
class SparseVector:
    """BM25 term weights: `indices[i]` is a hashed term, `values[i]` its weight."""

    indices: tuple[int, ...]
    values: tuple[float, ...]


# -- reading and chunking -------------------------------------------------------------------------


class BlockKind(StrEnum):
    HEADING = "heading"
    PARAGRAPH = "paragraph"
    LIST = "list"
    TABLE = "table"
    CODE = "code"


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle on a page, in points from the page's top left corner. `page` counts from 1."""

    page: int
    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True)
class Block:
    """One structural piece of a document in reading order.

    `page` counts from 1 (a presentation's slides are its pages), None where a format has no pages. `place` says where
    a person finds the block when a page does not say it: "Sheet Budget, rows 2-41", "lines 10-42". A `name` (a
    function, a sheet) joins the heading path of the block's chunks without being text of the document.
    """

    kind: BlockKind
    text: str
    page: int | None = None
    level: int = 0  # headings only: 1 is the highest
    language: str = ""  # code only, where the file names it
    boxes: tuple[Box, ...] = ()
    place: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """A file inside a file (an attachment, an entry of an archive) that becomes a document of its own."""

    name: str  # with its folders inside the archive, "/" between them
    path: Path  # a copy of ours


@dataclass(frozen=True, slots=True)
class ParsedDocument:
    """What a reader found: blocks in reading order, the title the file itself names, pages if it has them."""

    blocks: tuple[Block, ...]
    title: str = ""
    page_count: int | None = None
    parts: tuple[Part, ...] = ()
    recognised_pages: int = 0  # pictures whose text was recognised


@dataclass(frozen=True, slots=True)
class ChunkDraft:
    """A chunk before it has vectors.

    `text` is shown and cited; `embedding_text` has title and heading path in front and is what is embedded.
    `char_start`/`char_end` are offsets into the document's plain text (chunk texts joined by a blank line).
    """

    position: int
    text: str
    embedding_text: str
    heading_path: tuple[str, ...]
    page: int | None
    last_page: int | None
    char_start: int
    char_end: int
    content_hash: str  # sha256 hex of `embedding_text`
    occurrence: int  # 0 for the first chunk with this hash in the document, then 1, 2 ...
    section: int = 0  # chunks of one section share it; it grows in reading order
    boxes: tuple[Box, ...] = ()
    place: str = ""  # as in `Block`, narrowed to this chunk


# -- vectors --------------------------------------------------------------------------------------


class Placement(StrEnum):
    DEDICATED = "dedicated"
    SHARED = "shared"


@dataclass(frozen=True, slots=True)
class VectorSpace:
    """Where one organisation's vectors of one embedding version live. Cannot be named without a tenant key."""

    tenant: TenantKey
    version: str  # slug of the embedding model's id, for instance "minilm-l6-v2-q8"
    dimensions: int
    placement: Placement = Placement.DEDICATED


@dataclass(frozen=True, slots=True)
class Labels:
    """What a search can be narrowed to, beside collection and document. The same for all chunks of a document."""

    collection_id: UUID
    tags: tuple[str, ...] = ()
    dated: date | None = None


@dataclass(frozen=True, slots=True)
class EmbeddedChunk:
    """A chunk as the vector index stores it: ids, labels and vectors; its text stays in PostgreSQL."""

    point_id: UUID
    document_id: UUID
    labels: Labels
    dense: Vector
    sparse: SparseVector


@dataclass(frozen=True, slots=True)
class SearchScope:
    """What a question may read. Built in `retrieval.scope` only.

    `collection_ids` is what the asking person may read: an empty tuple matches nothing. The rest narrows it:
    `document_ids` None means every document, `tags` are all required, `since` and `until` include their day.
    `languages` of the collections, where they were read with it, saves reading them again.
    """

    collection_ids: tuple[UUID, ...]
    document_ids: tuple[UUID, ...] | None = None
    tags: tuple[str, ...] = ()
    since: date | None = None
    until: date | None = None
    languages: Mapping[UUID, str] | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Extent:
    """What a scope holds: the names of its collections, and how many of their documents can be found."""

    collections: tuple[str, ...]
    documents: int


@dataclass(frozen=True, slots=True)
class KeywordQuery:
    """A question's terms in one language, for the collections that are kept in that language."""

    terms: SparseVector
    collection_ids: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class Hit:
    """One point of one ranked list. `score` is the raw cosine or BM25 score of that list."""

    point_id: UUID
    document_id: UUID
    score: float


@dataclass(frozen=True, slots=True)
class Hits:
    """Both ranked lists of one hybrid search, best first, before fusion."""

    dense: tuple[Hit, ...] = ()
    sparse: tuple[Hit, ...] = ()


# -- answering ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Passage:
    """What was found for a question, as prompt and page need it: a chunk, or a few that follow one another.

    `n`, from 1, is its citation number. `chunk_id` and both scores are of the chunk that ranked best.
    """

    n: int
    chunk_id: UUID | int  # a row's, or a name where a folder is evaluated
    document_id: UUID
    title: str
    text: str
    heading_path: tuple[str, ...]
    page: int | None
    position: int  # of its first chunk
    score: float  # of the last ranking, 0 to 1 within one search
    similarity: float  # cosine of question and chunk; 0 when only the keyword list found it
    version_id: UUID | None = None  # None where no version is known, as in an evaluation over a folder
    version_number: int = 1
    last_page: int | None = None
    last_position: int | None = None  # None: the passage is one chunk
    char_start: int | None = None  # of its text in the plain text of the document's version; None where it is not known
    section: int = 0  # of its first chunk
    place: str = ""
    boxes: tuple[Box, ...] = ()
    also_in: tuple[UUID, ...] = ()  # other documents that say the same, in nearly the same words
    source_url: str = ""  # of a page of the web: where it came from


class Role(StrEnum):
    USER = "user"
    ASSISTANT = "assistant"


@dataclass(frozen=True, slots=True)
class Turn:
    """One earlier message of the conversation."""

    role: Role
    text: str


@dataclass(frozen=True, slots=True)
class Asker:
    """The person on whose behalf tokens are spent; the label is what finance reads when the person is gone."""

    id: UUID | None
    label: str
    group_ids: tuple[UUID, ...] = ()  # whose budgets count as well; read only where there are budgets
    api_key_id: UUID | None = None  # of a program that asks as this person
    api_key_label: str = ""


@dataclass(frozen=True, slots=True)
class Library:
    """What must be known of an organisation to search and answer for it."""

    space: VectorSpace
    embedding_provider: str
    organisation_name: str
    is_reranked: bool = True  # late interaction, where the embedding model allows it

    @property
    def tenant(self) -> TenantKey:
        return self.space.tenant


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """A chat model of a provider. An empty `model` is the provider's default (`providers.defaults`)."""

    provider: str  # "openai", "anthropic", "extractive"; "" is the platform's choice
    model: str = ""


@dataclass(frozen=True, slots=True)
class AnswerSettings:
    """How answers are made: the organisation's policy, with what an experiment's arm changes of it."""

    primary: ModelChoice = ModelChoice("")
    backup: ModelChoice | None = None  # takes over when the primary fails; None: the platform's other provider
    instructions: str = ""  # the organisation's own, within our rules
    prompt_version: str = ""  # "" is the default one
    is_multi_query: bool = False
    is_reranked: bool | None = None  # None: as the library says
    passages: int | None = None  # offered to the model; None: the platform's number
    is_cached: bool = True
    is_semantically_cached: bool = False
    arm_id: UUID | None = None  # of the experiment that chose this


@dataclass(frozen=True, slots=True)
class Question:
    library: Library
    asker: Asker
    answer_id: UUID  # idempotency of metering hangs on it
    text: str
    scope: SearchScope
    history: tuple[Turn, ...] = ()
    summary: str = ""  # of what was said before `history`
    is_cut: bool = False  # something that was said is neither in `history` nor in `summary`
    settings: AnswerSettings = AnswerSettings()
    index_version: int = 0  # of what can be found; part of the key of a cached answer. 0: unknown, nothing is cached
    wants_another: bool = False  # another answer than the one that is there: none from the cache
    has_budgets: bool = False  # somebody limits what it may cost
    is_strict: bool = False  # without room for it not even an earlier answer is given
    conversation_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a chat model gets. Passages travel beside the text for models that quote instead of compose."""

    system: str
    turns: tuple[Turn, ...]  # ends with the question
    question: str
    passages: tuple[Passage, ...]
    max_output_tokens: int = 1024
    prefix_key: str = ""  # the same for prompts that begin alike, and opaque: for a provider's own cache


@dataclass(frozen=True, slots=True)
class ModelUsage:
    """A provider's last cumulative count for one call, in tokens. `input_tokens` includes the cached ones."""

    provider: str
    model: str
    input_tokens: int = 0
    cached_input_tokens: int = 0
    output_tokens: int = 0
    estimated: bool = False  # our own count, because the provider never told
    cache_write_tokens: int = 0  # of the input, what the provider put into its own cache, at a price of its own


@dataclass(frozen=True, slots=True)
class SourcesFound:
    passages: tuple[Passage, ...]


@dataclass(frozen=True, slots=True)
class TextDelta:
    text: str


@dataclass(frozen=True, slots=True)
class Notice:
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Support:
    """A sentence of the answer that cites passage `n`, and the span of the passage that bears it out.

    `start`/`end` are characters of the answer's text, `quote_start`/`quote_end` of the passage's. `score` is 0 to 1.
    Without a quote, a score of 0 means that nothing in the passage bears the sentence out, a higher one that it can't
    be told: the passage is in another language, or the sentence says nothing that could be checked.
    """

    n: int
    start: int
    end: int
    quote_start: int | None
    quote_end: int | None
    score: float


@dataclass(frozen=True, slots=True)
class Finished:
    """The end of an answer that ran to its end."""

    text: str
    cited: tuple[int, ...]
    usage: ModelUsage
    refused: bool = False
    is_gap: bool = False  # the documents do not answer it: worth keeping as a knowledge gap
    cached: bool = False
    supports: tuple[Support, ...] = ()  # one for each mark, in the order of the text
    uncited: int = 0  # sentences that say something and cite nothing
    asked_as: str = ""  # the question as it stood alone, where it was rewritten
    prompt_version: str = ""


@dataclass(slots=True)
class Receipt:
    """Filled by the pipeline in its `finally`, so that whoever asked can show what was spent, however it ended."""

    usage: ModelUsage | None = None
    cost_gbp: Decimal = Decimal(0)


AnswerEvent = SourcesFound | TextDelta | Notice | Finished


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What one search found, and what it cost. `usage` is of the query's embedding."""

    passages: tuple[Passage, ...]
    usage: ModelUsage
    candidates: int = 0
    rerank_usage: ModelUsage | None = None
    notes: tuple[Notice, ...] = field(default=())
