"""BM25 term weights with Qdrant's own tokenizer: words in, hashed terms out, no vocabulary to keep."""

from __future__ import annotations

from qdrant_edge import Bm25, Bm25Config, DisabledStemmer, StopwordsSet

from knowledge.types import SparseVector

NONE = "none"  # words as they are written: for languages the tokenizer knows no stems of, and for mixed ones
LANGUAGES = (
    *("arabic", "azerbaijani", "basque", "bengali", "catalan", "chinese", "danish", "dutch", "english", "finnish"),
    *("french", "german", "greek", "hebrew", "hinglish", "hungarian", "indonesian", "italian", "japanese", "kazakh"),
    *("nepali", NONE, "norwegian", "portuguese", "romanian", "russian", "slovene", "spanish", "swedish", "tajik"),
    "turkish",
)
AVERAGE_TERMS = 75.0  # of a full chunk, stop words not counted; BM25 measures a chunk's length against it


class Bm25Encoder:
    """A `SparseEncoder`. The engine object is immutable, so threads share one encoder."""

    def __init__(self, *, language: str = "english", average_terms: float = AVERAGE_TERMS) -> None:
        if language not in LANGUAGES:
            raise ValueError(f"{language!r} is not a language of keyword search")
        if language == NONE:
            config = Bm25Config(
                stemmer=DisabledStemmer(), stopwords=StopwordsSet(), ascii_folding=True, avg_len=average_terms
            )
        else:
            config = Bm25Config(language=language, ascii_folding=True, avg_len=average_terms)
        self._bm25 = Bm25(config)

    def encode_document(self, text: str) -> SparseVector:
        return _frozen(self._bm25.embed_document(text))

    def encode_query(self, text: str) -> SparseVector:
        return _frozen(self._bm25.embed_query(text))


def _frozen(vector: object) -> SparseVector:
    indices, values = vector.indices, vector.values  # type: ignore[attr-defined]
    return SparseVector(indices=tuple(indices), values=tuple(float(value) for value in values))
