"""Search by FAISS: an exact scan over float16 codes, which loses nothing of the stored rows."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import faiss
import numpy as np

from indexer.types import Ids, Matches, Vectors
from indexer.vectors.exact import top_k
from indexer.vectors.stored import StoredIndex

_GATHER_AT_MOST = 10_000


class FaissIndex(StoredIndex):
    """A flat float16 index. FAISS knows rows by position only; ids are translated here.

    Searches run side by side; a change waits for them and they for it, as FAISS demands.
    """

    def __init__(self, folder: Path, dim: int) -> None:
        super().__init__(folder, dim)
        self._index = faiss.IndexScalarQuantizer(
            dim, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT
        )
        self._ids = np.empty(0, np.int64)
        self._lock = _SharedLock()

    def _change(self, gone: Ids, new: Ids, vectors: np.ndarray) -> None:
        with self._lock.alone():
            if len(gone):
                dead = np.isin(self._ids, gone)
                self._index.remove_ids(faiss.IDSelectorBatch(np.flatnonzero(dead)))
                self._ids = self._ids[~dead]
            self._index.add(vectors.astype(np.float32))
            self._ids = np.concatenate([self._ids, new])

    def _search(self, queries: Vectors, k: int, among: Ids | None) -> Matches:
        with self._lock.shared():
            if among is None:
                return self._scan(queries, k, None)
            chosen = np.flatnonzero(np.isin(self._ids, among))
            if len(chosen) > _GATHER_AT_MOST:
                return self._scan(queries, k, faiss.IDSelectorBatch(chosen))
            rows = self._index.reconstruct_batch(chosen) if len(chosen) else queries[:0]
            order = np.argsort(self._ids[chosen])
            return top_k(queries @ rows[order].T, self._ids[chosen][order], k)

    def _scan(self, queries: Vectors, k: int, selector: "faiss.IDSelector | None") -> Matches:
        parameters = faiss.SearchParameters(sel=selector)  # type: ignore[call-arg] # the stubs lack it if selector else None
        count = min(k, max(1, self._index.ntotal))
        scores, positions = self._index.search(queries, count, params=parameters)
        found = positions >= 0
        ids = np.full((len(queries), k), -1, np.int64)
        ids[:, :count][found] = self._ids[positions[found]]
        padded = np.full((len(queries), k), -np.inf, np.float32)
        padded[:, :count][found] = scores[found]
        return Matches(ids, padded)


class _SharedLock:
    """Many readers or the one writer that may exist at a time; a waiting writer goes first."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._readers = 0
        self._writers = 0

    @contextmanager
    def shared(self) -> Iterator[None]:
        with self._condition:
            self._condition.wait_for(lambda: self._writers == 0)
            self._readers += 1
        try:
            yield
        finally:
            with self._condition:
                self._readers -= 1
                self._condition.notify_all()

    @contextmanager
    def alone(self) -> Iterator[None]:
        with self._condition:
            self._writers += 1
            self._condition.wait_for(lambda: self._readers == 0)
        try:
            yield
        finally:
            with self._condition:
                self._writers -= 1
                self._condition.notify_all()
