"""How a cluster of Qdrant keeps a collection, and how one that is kept so is asked."""

from __future__ import annotations

from dataclasses import dataclass

from qdrant_client import models


@dataclass(frozen=True, slots=True)
class Layout:
    """How a cluster keeps a collection, decided when it is made. `docs/scaling.md` has the figures."""

    shards: int = 0  # 0: as many as the server finds right
    replicas: int = 1
    is_quantised: bool = False  # int8 in memory, originals on disk


RESCORED = models.SearchParams(quantization=models.QuantizationSearchParams(rescore=True, oversampling=2.0))
INT8 = models.ScalarQuantization(
    scalar=models.ScalarQuantizationConfig(type=models.ScalarType.INT8, quantile=0.99, always_ram=True)
)
