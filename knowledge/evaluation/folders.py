"""Evaluation sets in folders: docs.jsonl, queries.jsonl and qrels.jsonl, and `files/` where the set has files.

`sections` takes each row of docs.jsonl as a document. `files` reads the files as an upload would be read and maps each
chunk to the rows whose words it holds, which is what a person who follows the citation would see.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from knowledge.ingestion.chunking import chunk_document
from knowledge.ingestion.reading import read_document
from knowledge.retrieval.composing import FoundChunk, shingles
from knowledge.types import Block, BlockKind, ChunkDraft, ParsedDocument

HOLDS = 0.5  # share of the shorter one's shingles that both have

CountTokens = Callable[[str], int]


@dataclass(frozen=True, slots=True)
class FolderQuestion:
    id: str
    text: str
    gold: dict[str, float]  # row of docs.jsonl → grade


@dataclass(frozen=True, slots=True)
class FolderChunk:
    """A chunk, what is embedded of it, and the rows of docs.jsonl that a reader of it would see."""

    found: FoundChunk
    embedding_text: str
    sections: tuple[str, ...]


def questions_of(data: Path, split: str | None = None) -> list[FolderQuestion]:
    """The judged questions; of one half, "dev" or "test", if it is named: tune on one, report the other."""
    gold: dict[str, dict[str, float]] = defaultdict(dict)
    for row in read_lines(data / "qrels.jsonl"):
        gold[str(row["qid"])][str(row["docid"])] = float(row["rel"])
    rows = [(str(row["id"]), row["text"]) for row in read_lines(data / "queries.jsonl")]
    return [FolderQuestion(key, text, gold[key]) for key, text in rows if key in gold and split in (None, half(key))]


def half(question_id: str) -> str:
    digest = hashlib.md5(question_id.encode(), usedforsecurity=False).hexdigest()
    return "test" if int(digest, 16) % 2 else "dev"


def chunks_of(data: Path, mode: str, count_tokens: CountTokens) -> list[FolderChunk]:
    """`mode` is "files", "sections", or "auto": files where the set has them."""
    rows = read_lines(data / "docs.jsonl")
    has_files = (data / "files").is_dir() if mode == "auto" else mode == "files"
    return list(_of_files(data, rows, count_tokens) if has_files else _of_sections(rows, count_tokens))


def read_lines(path: Path) -> list[dict[str, Any]]:
    """One JSON value a line. Only line feeds end a line: a text may hold any other separator."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line.strip()]


def _of_sections(rows: Sequence[dict[str, Any]], count_tokens: CountTokens) -> Iterator[FolderChunk]:
    for row in rows:
        key, title = str(row["id"]), row.get("title") or ""
        parsed = ParsedDocument((Block(BlockKind.PARAGRAPH, row["text"]),))
        for draft in chunk_document(parsed, title=title, count_tokens=count_tokens):
            yield FolderChunk(_found(key, title, draft), draft.embedding_text, (key,))


def _of_files(data: Path, rows: Sequence[dict[str, Any]], count_tokens: CountTokens) -> Iterator[FolderChunk]:
    sections: dict[str, list[tuple[str, set[str]]]] = defaultdict(list)
    for row in rows:
        sections[row["file"]].append((str(row["id"]), shingles(row["text"])))
    for name, known in sections.items():
        path = data / "files" / name
        parsed = read_document(path, file_name=path.name)
        title = parsed.title or path.stem
        for draft in chunk_document(parsed, title=title, count_tokens=count_tokens):
            yield FolderChunk(_found(name, title, draft), draft.embedding_text, held_by(draft.text, known))


def held_by(text: str, known: Sequence[tuple[str, set[str]]]) -> tuple[str, ...]:
    """Rows this text holds at least half of, or that hold at least half of it; the fullest first."""
    own = shingles(text)
    shares = {name: len(own & other) / min(len(own), len(other)) for name, other in known}
    return tuple(sorted((name for name, share in shares.items() if share >= HOLDS), key=lambda name: -shares[name]))


def _found(name: str, title: str, draft: ChunkDraft) -> FoundChunk:
    document: UUID = uuid5(NAMESPACE_URL, name)
    point = uuid5(document, f"{draft.content_hash}:{draft.occurrence}")
    return FoundChunk(
        point_id=point,
        chunk_id=point,
        document_id=document,
        title=title,
        text=draft.text,
        position=draft.position,
        heading_path=draft.heading_path,
        section=draft.section,
        page=draft.page,
        last_page=draft.last_page,
        place=draft.place,
        boxes=draft.boxes,
        content_hash=draft.content_hash,
    )
