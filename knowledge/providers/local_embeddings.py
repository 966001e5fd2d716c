"""all-MiniLM-L6-v2 on this machine's processor: no key, no network, nothing leaves the house."""

from __future__ import annotations

import asyncio
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as onnx_errors
from tokenizers import Tokenizer

from knowledge.errors import ProviderUnavailable
from knowledge.providers.model_files import local_model_version, prepare_local_model, wheel_model_path
from knowledge.providers.token_vectors import centred, pack
from knowledge.types import ModelUsage, Vector

if TYPE_CHECKING:
    from numpy.typing import NDArray

T = TypeVar("T")

_TOKENIZER = Path(__file__).resolve().parent.parent / "assets" / "minilm" / "tokenizer.json"
_BATCH = 8  # larger batches are not faster on a processor and take memory with the square of the length
_REMEMBERED_QUERIES = 512
_REMEMBERED_WORDS = 50_000
_LONGEST_REMEMBERED_WORD = 40
_SPECIAL_TOKENS = 2  # [CLS] and [SEP]
_UNLOADABLE = (onnx_errors.Fail, onnx_errors.InvalidProtobuf, onnx_errors.InvalidGraph, onnx_errors.NoSuchFile)


class LocalEmbedder:
    """A `TokenEmbedder`. Loads at first use; one instance serves any number of threads and event loops.

    Documents and queries run on threads of their own over one model, so a query never stands behind an upload.
    Without `model_dir` the model runs as it was installed, which is slower.
    """

    provider = "local"
    name = "all-MiniLM-L6-v2"
    dimensions = 384
    max_tokens = 256
    window = 64  # texts: some three seconds; more of like length come together than among fewer, so less is padded

    def __init__(self, model_dir: str | Path | None = None, *, threads: int | None = None) -> None:
        self._model_dir = Path(model_dir) if model_dir else None
        self.version = local_model_version(self._model_dir)
        self._tokens = _TokenCounter(_TOKENIZER)
        self._model = _Model(self._model_file, threads=threads or min(2, os.cpu_count() or 1))
        self._documents = ThreadPoolExecutor(max_workers=1, thread_name_prefix="embed-documents")
        self._queries = ThreadPoolExecutor(max_workers=1, thread_name_prefix="embed-queries")
        self._remembered = _QueryCache[_EmbeddedQuery](_REMEMBERED_QUERIES)

    def count_tokens(self, text: str) -> int:
        """Tokens the model would need, its two special ones included, however long the text is."""
        return self._tokens.count(text)

    async def embed_documents(self, texts: Sequence[str]) -> tuple[list[Vector], ModelUsage]:
        vectors: list[Vector] = [()] * len(texts)
        run = partial(asyncio.get_running_loop().run_in_executor, self._documents)
        tokens = await run(self._encode, texts)
        for batch in _batches(tokens):  # one job each: two uploads take turns, and a cancelled one stops here
            found = await run(self._model.vectors, [tokens[index] for index in batch])
            for index, vector in zip(batch, found.tolist(), strict=True):
                vectors[index] = vector
        return vectors, self._usage(sum(map(len, tokens)))

    async def embed_documents_with_tokens(self, texts: Sequence[str]) -> tuple[list[Vector], list[bytes], ModelUsage]:
        vectors: list[Vector] = [()] * len(texts)
        blobs = [b""] * len(texts)
        run = partial(asyncio.get_running_loop().run_in_executor, self._documents)
        tokens = await run(self._encode, texts)
        for batch in _batches(tokens):
            found, packed = await run(self._embed_and_pack, [tokens[index] for index in batch])
            for index, vector, blob in zip(batch, found.tolist(), packed, strict=True):
                vectors[index], blobs[index] = vector, blob
        return vectors, blobs, self._usage(sum(map(len, tokens)))

    async def embed_query(self, text: str) -> tuple[Vector, ModelUsage]:
        query = await self._query(text)
        return query.vector.tolist(), self._usage(query.token_count)

    async def embed_query_with_tokens(self, text: str) -> tuple[Vector, NDArray[np.float32], ModelUsage]:
        query = await self._query(text)
        return query.vector.tolist(), query.token_vectors, self._usage(query.token_count)

    def close(self) -> None:
        self._documents.shutdown(cancel_futures=True)
        self._queries.shutdown(cancel_futures=True)

    def _model_file(self) -> Path:
        return prepare_local_model(self._model_dir) if self._model_dir else wheel_model_path()

    def _encode(self, texts: Sequence[str]) -> list[list[int]]:
        return self._tokens.encode(texts, limit=self.max_tokens)

    async def _query(self, text: str) -> _EmbeddedQuery:
        known = self._remembered.get(text)
        if known is None:
            known = await asyncio.get_running_loop().run_in_executor(self._queries, self._embed_one, text)
        return known

    def _embed_one(self, text: str) -> _EmbeddedQuery:
        tokens = self._encode([text])
        vectors, states = self._model.vectors_and_states(tokens)
        found = _EmbeddedQuery(vectors[0], centred(self._telling(states[0], tokens[0])), len(tokens[0]))
        self._remembered.put(text, found)
        return found

    def _embed_and_pack(self, tokens: Sequence[list[int]]) -> tuple[NDArray[np.float32], list[bytes]]:
        vectors, states = self._model.vectors_and_states(tokens)
        return vectors, [pack(self._telling(row, ids)) for row, ids in zip(states, tokens, strict=True)]

    def _telling(self, states: NDArray[np.float32], ids: list[int]) -> NDArray[np.float32]:
        """The states of the tokens that say something; of all, where none does."""
        kept = self._tokens.telling()[ids]
        return states[: len(ids)][kept] if kept.any() else states[: len(ids)]

    def _usage(self, tokens: int) -> ModelUsage:
        return ModelUsage(provider=self.provider, model=self.name, input_tokens=tokens)


def _batches(tokens: Sequence[Sequence[int]]) -> Iterator[list[int]]:
    """Positions of texts of like length, so that little is padded."""
    order = sorted(range(len(tokens)), key=lambda index: len(tokens[index]))
    for start in range(0, len(order), _BATCH):
        yield order[start : start + _BATCH]


class _Model:
    """The ONNX session, loaded once at first use. It lets go of the interpreter while it computes."""

    def __init__(self, model_file: Callable[[], Path], *, threads: int) -> None:
        self._model_file, self._threads = model_file, threads
        self._session: onnxruntime.InferenceSession | None = None
        self._loading = threading.Lock()

    def vectors(self, tokens: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        session = self._loaded()
        if _is_built(session):
            return np.asarray(session.run(["vectors"], _padded(tokens))[0])
        return self.vectors_and_states(tokens)[0]

    def vectors_and_states(self, tokens: Sequence[Sequence[int]]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Vectors (texts, 384) and token states (texts, longest text, 384), meaningless after a text's end."""
        session, inputs = self._loaded(), _padded(tokens)
        if _is_built(session):
            vectors, states = session.run(None, inputs)
            return np.asarray(vectors), np.asarray(states)
        ids, mask = inputs["ids"], inputs["mask"]
        exported = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        states = np.asarray(session.run(None, exported)[0])
        return _pooled(states, mask), states

    def _loaded(self) -> onnxruntime.InferenceSession:
        with self._loading:
            if self._session is None:
                self._session = self._open(self._model_file())
            return self._session

    def _open(self, path: Path) -> onnxruntime.InferenceSession:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = self._threads, 1
        options.enable_cpu_mem_arena = False  # the arena keeps the largest batch's memory for good
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # idle threads burn no processor
        try:
            return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except _UNLOADABLE as error:
            raise ProviderUnavailable(detail=f"{path} can't be loaded: {error}") from error


def _is_built(session: onnxruntime.InferenceSession) -> bool:
    """By us, rather than as it was installed."""
    return {item.name for item in session.get_inputs()} == {"ids", "mask"}


def _padded(tokens: Sequence[Sequence[int]]) -> dict[str, NDArray[np.int64]]:
    ids = np.zeros((len(tokens), max(map(len, tokens))), np.int64)
    mask = np.zeros_like(ids)
    for row, text in enumerate(tokens):
        ids[row, : len(text)], mask[row, : len(text)] = text, 1
    return {"ids": ids, "mask": mask}


def _pooled(states: NDArray[np.float32], mask: NDArray[np.int64]) -> NDArray[np.float32]:
    """What the built graph does itself: the mean over real tokens, unit length."""
    sums = np.einsum("btw,bt->bw", states, mask.astype(np.float32))
    return np.asarray(sums / np.linalg.norm(sums, axis=1, keepdims=True), dtype=np.float32)


class _TokenCounter:
    """The model's own tokenizer, without the truncation and padding its file asks for.

    WordPiece never looks across white space, so a text's count is the sum of its words' counts, and words repeat.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._loading = threading.Lock()
        self._loaded: Tokenizer | None = None
        self._known: dict[str, int] = {}
        self._telling: NDArray[np.bool_] | None = None

    def encode(self, texts: Sequence[str], *, limit: int) -> list[list[int]]:
        found = (encoding.ids for encoding in self._tokenizer().encode_batch_fast(list(texts)))
        return [ids if len(ids) <= limit else [*ids[: limit - 1], ids[-1]] for ids in found]

    def telling(self) -> NDArray[np.bool_]:
        """For each token of the vocabulary, whether it holds a letter or a digit; special tokens say nothing."""
        if self._telling is None:
            tokenizer = self._tokenizer()
            names = {number: name for name, number in tokenizer.get_vocab().items()}
            special = tokenizer.get_added_tokens_decoder()
            self._telling = np.array(
                [number not in special and any(map(str.isalnum, names[number])) for number in range(len(names))]
            )
        return self._telling

    def count(self, text: str) -> int:
        words, known = text.split(), self._known
        try:
            return _SPECIAL_TOKENS + sum(map(known.__getitem__, words))
        except KeyError:
            counts = self._counts({word for word in words if word not in known})
        self._remember(counts)
        return _SPECIAL_TOKENS + sum(counts[word] if word in counts else known[word] for word in words)

    def _counts(self, words: set[str]) -> dict[str, int]:
        ordered = list(words)
        found = self._tokenizer().encode_batch_fast(ordered, add_special_tokens=False)
        return {word: len(encoding.ids) for word, encoding in zip(ordered, found, strict=True)}

    def _remember(self, counts: dict[str, int]) -> None:
        if len(self._known) > _REMEMBERED_WORDS:
            self._known = {}  # a new one, never a cleared one: another thread may be counting with the old
        self._known.update({word: count for word, count in counts.items() if len(word) <= _LONGEST_REMEMBERED_WORD})

    def _tokenizer(self) -> Tokenizer:
        with self._loading:
            if self._loaded is None:
                tokenizer = Tokenizer.from_file(str(self._path))
                tokenizer.no_truncation()
                tokenizer.no_padding()
                self._loaded = tokenizer
            return self._loaded


@dataclass(frozen=True, slots=True)
class _EmbeddedQuery:
    vector: NDArray[np.float32]
    token_vectors: NDArray[np.float32]
    token_count: int


class _QueryCache(Generic[T]):
    """The latest queries' vectors. A question is embedded once, however many people ask it."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._entries: OrderedDict[str, T] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, text: str) -> T | None:
        with self._lock:
            if text in self._entries:
                self._entries.move_to_end(text)
            return self._entries.get(text)

    def put(self, text: str, entry: T) -> None:
        with self._lock:
            self._entries[text] = entry
            while len(self._entries) > self._size:
                self._entries.popitem(last=False)
