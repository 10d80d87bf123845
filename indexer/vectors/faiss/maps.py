"""Linear maps to fewer dimensions that keep scores, learned from rows and from queries.

A score is q.x. Among all pairs of maps A, B of rank d the expected squared error of (A q).(B x)
over queries and rows is least where A'B is the best rank-d approximation of Kq^1/2 Kx^1/2 between
the inverse roots of the second moments Kq of queries and Kx of centred rows; the singular value
decomposition gives it. With A chosen so that A q has unit covariance, the squared error that a
code of B x makes is just the error of scores, so codes trained on B x serve the queries. Rows are
centred, since the same amount more for every row changes no ranking; queries are not.

The idea that codes for queries off the rows' distribution must be learned from such queries is that
of LeanVec-OOD (Tepper et al. 2024, arXiv:2312.16335); the closed form is the usual one for
weighted low-rank approximation.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from indexer.types import Vectors

_RIDGE = 1e-4
"""Share of the mean eigenvalue added to all, so that directions no query has do not blow up."""

_ON_ONE_THREAD = 2**18
"""OpenBLAS multiplies up to so many pairs on the caller's thread. Beyond, it wakes threads of its
own, which spin for some 30 ms after and slow down the scan that follows."""


@dataclass(frozen=True, slots=True)
class Maps:
    """Float32: mean (dim,), maps of queries and of rows (dim, d), variances of rows (d,)."""

    mean: Vectors
    query: Vectors
    row: Vectors
    spread: Vectors

    def queries(self, vectors: Vectors) -> Vectors:
        """Returns float32 (n, d)."""
        step = max(1, _ON_ONE_THREAD // self.query.size)
        parts = [vectors[at : at + step] @ self.query for at in range(0, len(vectors), step)]
        return np.vstack(parts) if parts else np.empty((0, self.query.shape[1]), np.float32)

    def rows(self, vectors: Vectors) -> Vectors:
        """Returns float32 (n, d)."""
        return np.ascontiguousarray((vectors - self.mean) @ self.row)

    def balanced(self, parts: int) -> "Maps":
        """Returns the maps with their dimensions dealt out to `parts` runs of equal length.

        The product of variances is made alike for all runs, greedily: what a product quantiser of
        equal parts codes best (parametric OPQ, Ge et al. 2013, "Optimized Product Quantization").
        """
        room = len(self.spread) // parts
        runs: list[list[int]] = [[] for _ in range(parts)]
        loads = np.zeros(parts)
        logs = np.log(np.maximum(self.spread, np.finfo(np.float32).tiny))
        for dimension in np.argsort(-logs):
            run = int(np.argmin(loads))
            runs[run].append(int(dimension))
            loads[run] += logs[dimension] - logs.min()
            if len(runs[run]) == room:
                loads[run] = np.inf
        order = [dimension for run in runs for dimension in run]
        return Maps(self.mean, self.query[:, order], self.row[:, order], self.spread[order])


def learned(rows: Vectors, asked: Sequence[Vectors], dims: int) -> Maps:
    """Returns the maps to `dims` dimensions that keep the scores of these queries best.

    Args:
        rows: A sample of the rows, float32 (n, dim).
        asked: Lots of queries, each float32 (any, dim); each lot counts the same.
        dims: At most dim.
    """
    mean = rows.mean(axis=0)
    centred = rows - mean
    of_rows = _ridged(centred.T @ centred / len(rows))
    of_queries = _ridged(np.mean([lot.T @ lot / len(lot) for lot in asked], axis=0))
    left, values, right = np.linalg.svd(_power(of_queries, 0.5) @ _power(of_rows, 0.5))
    query = _power(of_queries, -0.5) @ left[:, :dims]
    row = _power(of_rows, -0.5) @ right[:dims].T * values[:dims]
    spread = np.square(values[:dims])
    return Maps(mean, *(np.asarray(one, np.float32) for one in (query, row, spread)))


def _ridged(moment: NDArray[np.floating]) -> NDArray[np.float64]:
    ridge = _RIDGE * float(np.trace(moment)) / len(moment)
    return np.asarray(moment + ridge * np.eye(len(moment)), np.float64)


def _power(moment: NDArray[np.float64], power: float) -> NDArray[np.float64]:
    values, vectors = np.linalg.eigh(moment)
    return np.asarray((vectors * np.power(values, power)) @ vectors.T, np.float64)
