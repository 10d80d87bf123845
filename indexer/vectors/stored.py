"""What all indexes over a segment store share: the files are the truth, the index follows them."""

import threading
from abc import ABC, abstractmethod
from pathlib import Path

import numpy as np

from indexer.types import Ids, Matches, Vectors
from indexer.vectors.segments import SegmentStore


class StoredIndex(ABC):
    """A vector index whose rows live in a `SegmentStore`; a subclass adds how to search them.

    The structure in memory is made at the first search and follows the store from then on, so a
    process that only writes never pays for it.
    """

    def __init__(self, folder: Path, dim: int) -> None:
        self._store = SegmentStore(folder, dim)
        self._dim = dim
        self._refreshing = threading.Lock()
        self._following = threading.Lock()
        self._followed: object = None
        self._present = np.empty(0, np.int64)

    @property
    def generation(self) -> int:
        return self._store.state.generation

    @property
    def ids(self) -> Ids:
        """The ids of all rows that a search can find, ascending."""
        return self._store.state.rows.ids

    def __len__(self) -> int:
        return len(self._store.state.rows.ids)

    def add(self, ids: Ids, vectors: Vectors) -> None:
        self._store.append(ids, vectors)

    def remove(self, ids: Ids) -> None:
        self._store.remove(ids)

    def vectors(self, ids: Ids) -> Vectors:
        return self._store.state.vectors(np.asarray(ids, np.int64)).astype(np.float32)

    def save(self) -> None:
        self._store.commit()

    def refresh(self) -> bool:
        if not self._refreshing.acquire(blocking=False):
            return False  # another thread is at it; this one goes on with what is there
        try:
            return self._store.refresh()
        finally:
            self._refreshing.release()

    def search(self, queries: Vectors, k: int, among: Ids | None = None) -> Matches:
        """Returns the k best rows for each query, ties in order of id.

        Raises:
            ValueError: queries are not float (n, dim), hold NaN, or k is below 1.
        """
        queries = np.ascontiguousarray(queries, np.float32)
        if queries.ndim != 2 or queries.shape[1] != self._dim or not np.isfinite(queries).all():
            raise ValueError(f"queries must be finite (n, {self._dim}), got {queries.shape}")
        if k < 1:
            raise ValueError(f"k must be at least 1, got {k}")
        self._follow()
        found = self._search(queries, k, among)
        order = np.lexsort((found.ids, -found.scores), axis=1)
        return Matches(
            np.take_along_axis(found.ids, order, axis=1),
            np.take_along_axis(found.scores, order, axis=1),
        )

    def _follow(self) -> None:
        state = self._store.state
        if state is self._followed:
            return
        with self._following:
            state = self._store.state
            if state is self._followed:
                return
            ids = state.rows.ids
            gone = np.setdiff1d(self._present, ids, assume_unique=True)
            new = np.setdiff1d(ids, self._present, assume_unique=True)
            self._change(gone, new, state.vectors(new))
            self._present = ids
            self._followed = state

    @abstractmethod
    def _change(self, gone: Ids, new: Ids, vectors: np.ndarray) -> None:
        """Drops the rows `gone` and takes in `new` with float16 (n, dim) vectors."""

    @abstractmethod
    def _search(self, queries: Vectors, k: int, among: Ids | None) -> Matches:
        """Returns (queries, k) matches with holes; the order of equal scores does not matter."""
