"""Exact search by one matrix product in numpy: the reference that other indexes are tested by."""

from pathlib import Path

import numpy as np

from indexer.types import Ids, Matches, Vectors
from indexer.vectors.stored import MirroredIndex


class ExactIndex(MirroredIndex):
    """All rows as float32 in memory, ascending by id."""

    def __init__(self, folder: Path, dim: int) -> None:
        super().__init__(folder, dim)
        self._snapshot = (np.empty(0, np.int64), np.empty((0, dim), np.float32))

    def _change(self, gone: Ids, new: Ids, vectors: np.ndarray) -> None:
        ids, matrix = self._snapshot
        stay = ~np.isin(ids, gone)
        ids = np.concatenate([ids[stay], new])
        matrix = np.concatenate([matrix[stay], vectors.astype(np.float32)])
        order = np.argsort(ids)
        self._snapshot = (ids[order], matrix[order])

    def _search(self, queries: Vectors, k: int, among: Ids | None) -> Matches:
        ids, matrix = self._snapshot
        if among is not None:
            chosen = np.isin(ids, among)
            ids, matrix = ids[chosen], matrix[chosen]
        return top_k(queries @ matrix.T, ids, k)


def top_k(scores: np.ndarray, ids: Ids, k: int) -> Matches:
    """Returns the k best of float32 (queries, n) scores over int64 (n,) ids, holes at the end.

    Of rows that tie at the cut the ones with the lowest ids are kept.
    """
    count = min(k, len(ids))
    found_ids = np.full((len(scores), k), -1, np.int64)
    found_scores = np.full((len(scores), k), -np.inf, np.float32)
    best = np.argsort(-scores, axis=1, kind="stable")[:, :count]
    found_ids[:, :count] = ids[best]
    found_scores[:, :count] = np.take_along_axis(scores, best, axis=1)
    return Matches(found_ids, found_scores)
