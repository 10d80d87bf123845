"""One vector for a whole film: the mean of those of its moments, each as long as it lasts."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from indexer.types import Span, Vectors

_CANCELLED = 1e-3


class Pool:
    """Gathers the vectors of a film's moments as they come, so that memory stays flat."""

    def __init__(self) -> None:
        self._sum: NDArray[np.float64] | None = None
        self._first: Vectors | None = None
        self._weight = 0.0

    def add(self, vectors: Vectors, spans: Sequence[Span]) -> None:
        """Takes the vectors of moments, float32 (n, dim), and how long each lasts."""
        if not spans:
            return
        # A moment without length, such as that of a film of one frame, counts for one millisecond.
        weights = np.array([max(1, span.end_ms - span.start_ms) for span in spans], np.float64)
        some = weights @ np.asarray(vectors, np.float64)
        self._sum = some if self._sum is None else self._sum + some
        self._first = vectors[:1] if self._first is None else self._first
        self._weight += float(weights.sum())

    def vector(self) -> Vectors | None:
        """Returns float32 (1, dim) of unit length, None where there was no moment.

        Moments that cancel each other out leave no direction; then the first one stands for all.
        """
        if self._sum is None or self._first is None:
            return None
        length = float(np.linalg.norm(self._sum))
        if length < _CANCELLED * self._weight:
            return self._first
        return np.ascontiguousarray((self._sum / length)[None, :], dtype=np.float32)
