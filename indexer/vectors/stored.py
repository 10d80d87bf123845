"""What all indexes over a segment store share: the files are the truth, the index follows them."""

import threading
from abc import ABC, abstractmethod
from pathlib import Path

import numpy as np

from indexer.types import Ids, Matches, Vectors
from indexer.vectors.segments import SegmentStore, State


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

    def check(self) -> None:
        """Compares all that is on disk with its checksums; opening does so with small files only.

        Raises:
            Unavailable: a file is missing or damaged.
        """
        self._store.check()

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

    def _is_followed(self) -> bool:
        return self._store.state is self._followed

    def _follow(self) -> None:
        if self._is_followed():
            return
        # While one thread makes the new state ready, others go on with the one before.
        if not self._following.acquire(blocking=self._followed is None):
            return
        try:
            if not self._is_followed():
                state = self._store.state
                self._take(state)
                self._followed = state
        finally:
            self._following.release()

    @abstractmethod
    def _take(self, state: State) -> None:
        """Makes searches find the rows of this state; called by one thread at a time."""

    @abstractmethod
    def _search(self, queries: Vectors, k: int, among: Ids | None) -> Matches:
        """Returns (queries, k) matches with holes; the order of equal scores does not matter."""


class MirroredIndex(StoredIndex):
    """An index with a structure in memory that holds a copy of all rows."""

    def __init__(self, folder: Path, dim: int) -> None:
        super().__init__(folder, dim)
        self._present = np.empty(0, np.int64)

    def _take(self, state: State) -> None:
        ids = state.rows.ids
        gone = np.setdiff1d(self._present, ids, assume_unique=True)
        new = np.setdiff1d(ids, self._present, assume_unique=True)
        self._change(gone, new, state.vectors(new))
        self._present = ids

    @abstractmethod
    def _change(self, gone: Ids, new: Ids, vectors: np.ndarray) -> None:
        """Drops the rows `gone` and takes in `new` with float16 (n, dim) vectors."""
