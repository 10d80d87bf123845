"""How a query's scores spread over an index, so that scores of different queries compare."""

from collections.abc import Callable
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from indexer.types import Ids, VectorIndex, Vectors

_ROWS = 2_048
_GROWN = 1.25
_LEAST = 1e-3


class Spread:
    """Mean and spread of the scores that a query has with the items of an index.

    They are taken over some rows, evenly drawn by id; with 2,048 of them the mean is off by some
    2 % of the spread. What is kept of the rows is their mean and covariance, which tell both of any
    direction.
    """

    def __init__(self, rows: Vectors) -> None:
        """Uses these rows, float32 (n, dim)."""
        self._mean: Vectors | None = None
        if len(rows):
            exact = rows.astype(np.float64)
            mean = exact.mean(axis=0)
            self._mean = mean.astype(np.float32)
            centred = exact - mean
            self._covariance = (centred.T @ centred / len(rows)).astype(np.float32)

    def of(self, vector: Vectors) -> tuple[float, float]:
        """Returns mean and standard deviation of the scores with float32 (1, dim).

        The deviation is 0.001 at least, so that dividing by it is safe.
        """
        if self._mean is None:
            return 0.0, 1.0
        # einsum, not BLAS, whose threads spin and so slow down what else is searching
        mean = float(np.einsum("d,d->", self._mean, vector[0]))
        turned = np.einsum("de,e->d", self._covariance, vector[0])
        variance = float(np.einsum("d,d->", turned, vector[0]))
        return mean, max(max(variance, 0.0) ** 0.5, _LEAST)

    def means(self, vectors: Vectors) -> NDArray[np.float32]:
        """Returns the mean of the scores with each of float32 (n, dim), as float32 (n,)."""
        if self._mean is None:
            return np.zeros(len(vectors), np.float32)
        means: NDArray[np.float32] = np.einsum("nd,d->n", vectors, self._mean)
        return means


class SpreadKeeper:
    """The spread of an index that grows: taken anew once it has a quarter more or less rows."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._kept: tuple[int, Spread] | None = None

    def of(self, index: VectorIndex) -> Spread:
        """Returns the spread of the index as it is now, or was not long ago."""
        with self._lock:
            size = len(index)
            if self._kept is None or not size / _GROWN <= self._kept[0] <= size * _GROWN:
                self._kept = (size, Spread(drawn(index.ids, index.vectors)))
            return self._kept[1]


def drawn(ids: Ids, vectors: Callable[[Ids], Vectors], most: int = _ROWS) -> Vectors:
    """Returns the vectors of at most `most` ids, evenly drawn."""
    if not len(ids):
        return np.empty((0, 0), np.float32)
    at = np.unique(np.linspace(0, len(ids) - 1, min(most, len(ids))).astype(np.int64))
    return vectors(ids[at])
