"""Which questions are about the same thing, by the nearness of their vectors. Pure.

A question joins the topic whose questions are near to it on average. The nearest single one would chain: A is near B,
B near C, and in the end everything is one topic.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from knowledge.types import Vector

if TYPE_CHECKING:
    from numpy.typing import NDArray

T = TypeVar("T", bound=Hashable)
Rows = Sequence[bytes]


def packed(vector: Vector) -> bytes:
    """Float32, little endian, unit length."""
    row = np.asarray(vector, "<f8")  # a very short one has no length in float32
    length = float(np.linalg.norm(row))
    return bytes((row / length if length else row).astype("<f4").tobytes())


def unpacked(blob: bytes) -> NDArray[np.float32]:
    return np.frombuffer(blob, "<f4")


def matrix(rows: Rows) -> NDArray[np.float32]:
    return np.stack([unpacked(row) for row in rows])


def same_topic(vector: bytes, topics: Mapping[T, Rows], threshold: float) -> T | None:
    """The topic with the highest average cosine, if that reaches the threshold."""
    means = {topic: float((matrix(rows) @ unpacked(vector)).mean()) for topic, rows in topics.items() if rows}
    best = max(means, key=lambda topic: means[topic], default=None)
    return best if best is not None and means[best] >= threshold else None


def most_typical(rows: Rows) -> int:
    """Which of the vectors is nearest to all others; the first of equals."""
    every = matrix(rows)
    return int((every @ every.T).sum(axis=1).round(5).argmax())
