"""How well the product's own parts find things: chunker, embedder, BM25 and fusion, searched by brute force.

    python -m bench.retrieval --data DIR --score eval_retrieval.py [--mode sections|files] [--weights 0.5] [--cache DIR]

DIR holds docs.jsonl, queries.jsonl and qrels.jsonl. `sections` reads each row of docs.jsonl as a document. `files`
reads the files themselves and maps each chunk found to the sections whose words it holds, which is what a person
following the citation would see. The scoring script comes from outside: all products are scored by the same one.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import math
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np

from knowledge.ingestion.chunking import chunk_document
from knowledge.ingestion.reading import read_document
from knowledge.providers.bm25 import Bm25Encoder
from knowledge.providers.local_embeddings import LocalEmbedder
from knowledge.retrieval.fusion import distribution_fusion, min_max_fusion
from knowledge.types import Block, BlockKind, Hit, Hits, ParsedDocument, SparseVector

SHINGLE = 4  # words
HOLDS = 0.5  # share of the shorter one's shingles that both have


@dataclass(frozen=True)
class Found:
    """A chunk and the sections of the gold standard that a reader of it would see."""

    embedding_text: str
    text: str
    sections: tuple[str, ...]


def main() -> None:
    options = arguments()
    rows = read_lines(options.data / "docs.jsonl")
    queries = gold_queries(options.data)
    embedder = LocalEmbedder(options.model_dir)
    started = time.perf_counter()
    as_sections = options.mode == "sections"
    chunks = chunks_of_sections(rows, embedder) if as_sections else chunks_of_files(options.data, rows, embedder)
    print(f"{len(chunks)} chunks in {time.perf_counter() - started:.1f} s", flush=True)
    asked = [query["text"] for query in queries]
    passages = asyncio.run(embedded(embedder, [chunk.embedding_text for chunk in chunks], options.cache))
    questions = asyncio.run(embedded(embedder, asked, options.cache))
    hits = [*searched(passages, questions, chunks, asked, options.average_terms)]
    for name, ranked in systems(hits, options.weights).items():
        run = [
            {"qid": query["id"], "docs": sections_in_order(ranking, chunks)}
            for query, ranking in zip(queries, ranked, strict=True)
        ]
        score(name, run, options)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--score", type=Path, required=True, help="path of eval_retrieval.py")
    parser.add_argument("--mode", choices=["sections", "files"], default="sections")
    parser.add_argument("--split", choices=["dev", "test"])
    parser.add_argument("--weights", type=float, nargs="*", default=[0.5])
    parser.add_argument("--average-terms", type=float, default=None)
    parser.add_argument("--model-dir", type=Path)
    parser.add_argument("--cache", type=Path, default=Path(".vena/bench"))
    return parser.parse_args()


def read_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().split("\n") if line]


def gold_queries(data: Path) -> list[dict[str, Any]]:
    judged = {str(row["qid"]) for row in read_lines(data / "qrels.jsonl")}
    return [query for query in read_lines(data / "queries.jsonl") if str(query["id"]) in judged]


# -- chunks ---------------------------------------------------------------------------------------


def chunks_of_sections(rows: Iterable[dict[str, Any]], embedder: LocalEmbedder) -> list[Found]:
    found = []
    for row in rows:
        parsed = ParsedDocument((Block(BlockKind.PARAGRAPH, row["text"]),))
        drafts = chunk_document(parsed, title=row.get("title") or "", count_tokens=embedder.count_tokens)
        found += [Found(draft.embedding_text, draft.text, (str(row["id"]),)) for draft in drafts]
    return found


def chunks_of_files(data: Path, rows: Iterable[dict[str, Any]], embedder: LocalEmbedder) -> list[Found]:
    sections: dict[str, list[tuple[str, set[str]]]] = defaultdict(list)
    for row in rows:
        sections[row["file"]].append((str(row["id"]), shingles(row["text"])))
    found = []
    for name, known in sections.items():
        path = data / "files" / name
        parsed = read_document(path, file_name=path.name)
        drafts = chunk_document(parsed, title=parsed.title or path.stem, count_tokens=embedder.count_tokens)
        found += [Found(draft.embedding_text, draft.text, held_by(draft.text, known)) for draft in drafts]
    return found


def shingles(text: str) -> set[str]:
    words = "".join(character.lower() if character.isalnum() else " " for character in text).split()
    return {" ".join(words[start : start + SHINGLE]) for start in range(max(1, len(words) - SHINGLE + 1))}


def held_by(text: str, known: Sequence[tuple[str, set[str]]]) -> tuple[str, ...]:
    """Sections this text holds at least half of, or that hold at least half of it; the fullest first."""
    own = shingles(text)
    shares = {name: len(own & other) / min(len(own), len(other)) for name, other in known}
    return tuple(sorted((name for name, share in shares.items() if share >= HOLDS), key=lambda name: -shares[name]))


# -- search ---------------------------------------------------------------------------------------


async def embedded(embedder: LocalEmbedder, texts: Sequence[str], cache: Path) -> np.ndarray:
    """Vectors in the order of `texts`. What an earlier run embedded is not embedded again."""
    cache.mkdir(parents=True, exist_ok=True)
    stored = cache / f"{embedder.version}.npz"
    known: dict[str, Any] = dict(np.load(stored)) if stored.exists() else {}
    keys = [hashlib.sha256(text.encode()).hexdigest()[:24] for text in texts]
    missing = [(key, text) for key, text in dict(zip(keys, texts, strict=True)).items() if key not in known]
    if missing:
        started = time.perf_counter()
        vectors, usage = await embedder.embed_documents([text for _, text in missing])
        seconds = time.perf_counter() - started
        print(f"{len(missing) / seconds:.1f} texts/s, {usage.input_tokens / seconds:.0f} tokens/s", flush=True)
        known |= {key: np.array(vector, np.float32) for (key, _), vector in zip(missing, vectors, strict=True)}
        np.savez(stored, **known)
    return np.stack([known[key] for key in keys])


class KeywordIndex:
    """BM25 with the inverse document frequency that Qdrant applies."""

    def __init__(self, vectors: Sequence[SparseVector]) -> None:
        self._postings: dict[int, list[tuple[int, float]]] = defaultdict(list)
        for row, vector in enumerate(vectors):
            for term, weight in zip(vector.indices, vector.values, strict=True):
                self._postings[term].append((row, weight))
        self._size = len(vectors)

    def scores(self, query: SparseVector) -> Counter[int]:
        found: Counter[int] = Counter()
        for term, weight in zip(query.indices, query.values, strict=True):
            posting = self._postings.get(term, [])
            rarity = math.log(1 + (self._size - len(posting) + 0.5) / (len(posting) + 0.5))
            for row, value in posting:
                found[row] += value * weight * rarity  # type: ignore[assignment]
        return found


def searched(
    passages: np.ndarray,
    questions: np.ndarray,
    chunks: Sequence[Found],
    queries: Sequence[str],
    average_terms: float | None,
) -> Iterable[Hits]:
    encoder = Bm25Encoder(average_terms=average_terms) if average_terms else Bm25Encoder()
    vectors = [encoder.encode_document(chunk.embedding_text) for chunk in chunks]
    print(f"{np.mean([len(vector.indices) for vector in vectors]):.0f} different terms a chunk")
    keywords = KeywordIndex(vectors)
    for text, question in zip(queries, questions, strict=True):
        similarity = passages @ question
        nearest = np.argsort(-similarity)[:DEPTH]
        matching = keywords.scores(encoder.encode_query(text)).most_common(DEPTH)
        yield Hits(
            dense=tuple(hit(int(row), float(similarity[row])) for row in nearest),
            sparse=tuple(hit(row, value) for row, value in matching),
        )


DEPTH = 100


def hit(row: int, value: float) -> Hit:
    return Hit(point_id=UUID(int=row), document_id=UUID(int=0), score=value)


def systems(hits: Sequence[Hits], weights: Sequence[float]) -> dict[str, list[list[int]]]:
    found = {
        "dense": [[each.point_id.int for each in one.dense] for one in hits],
        "bm25": [[each.point_id.int for each in one.sparse] for one in hits],
        "dbsf": [[each.point_id.int for each in distribution_fusion(one)] for one in hits],
    }
    for weight in weights:
        fused = [min_max_fusion(one, dense_weight=weight) for one in hits]
        found[f"min-max {weight:g}"] = [[each.point_id.int for each in one] for one in fused]
    return found


def sections_in_order(ranking: Sequence[int], chunks: Sequence[Found]) -> list[str]:
    return list(dict.fromkeys(name for row in ranking for name in chunks[row].sections))[:DEPTH]


def score(name: str, run: list[dict[str, Any]], options: argparse.Namespace) -> None:
    path = options.cache / f"{name.replace(' ', '-')}.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in run))
    command = [sys.executable, str(options.score), "--data", str(options.data), "--run", str(path)]
    subprocess.run([*command, *(["--split", options.split] if options.split else [])], check=True)


if __name__ == "__main__":
    main()
