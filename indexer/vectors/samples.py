"""Queries that an index is judged by, one lot for each modality that they are asked in."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from indexer.types import Ids, Modality, Vectors


@dataclass(frozen=True, slots=True)
class Queries:
    """Query vectors, float32 (n, dim), and the ids of the rows that they are, -1 if none, (n,).

    A row that is asked with is not counted among its own neighbours.
    """

    vectors: Vectors
    own: Ids

    def __len__(self) -> int:
        return len(self.own)

    def some(self, start: int, stop: int | None = None, step: int = 1) -> "Queries":
        """Returns a slice of them."""
        return Queries(self.vectors[start:stop:step], self.own[start:stop:step])


Samples = Mapping[Modality, Queries]
"""By the modality that a query is asked in: pictures and texts lie in two cones, and what finds the
neighbours of one may miss those of the other."""


def strangers(vectors: Vectors) -> Queries:
    """Returns queries that are no rows of the index."""
    return Queries(vectors, np.full(len(vectors), -1, np.int64))
