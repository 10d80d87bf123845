"""Which rows are near copies of each other, and who leads a group of them."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from indexer.look import Looks
from indexer.types import Vectors

LOOK_AT_LEAST = 0.75
_ROWS = 1024
_COLUMNS = 8192  # one tile of cosines is 32 MB


class Pairs(NamedTuple):
    """Pictures that are copies: row numbers, first below second, and float32 cosines."""

    first: NDArray[np.int32]
    second: NDArray[np.int32]
    cosines: NDArray[np.float32]


def copies(
    vectors: Vectors,
    looks: Looks,
    threshold: float,
    progress: Callable[[float], None],
) -> Pairs:
    """Returns all pairs of rows that pass both keys.

    Cosines are computed tile by tile, and what fails is dropped at once, so memory grows with the
    rows (vectors and looks) and with the copies there are (12 bytes a pair), not with all pairs.
    """
    # Stored vectors are rounded; of unit length again, equal ones have a cosine of 1.
    vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    found = [Pairs(np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0, np.float32))]
    total, done = max(1, len(vectors) ** 2), 0
    for rows, columns in _tiles(len(vectors)):
        cosines = vectors[rows] @ vectors[columns].T
        passed = cosines >= threshold - 1e-6
        if rows.stop > columns.start:  # the diagonal runs through: each pair once
            above = np.arange(columns.start, columns.stop)
            passed &= np.arange(rows.start, rows.stop)[:, None] < above
        if passed.any():
            for part, axis in ((rows, 1), (columns, 0)):
                looks.load(np.flatnonzero(passed.any(axis)) + part.start)
            passed &= looks.may_be_alike(rows, columns)
            first, second = np.nonzero(passed)
            kept = cosines[first, second]
            first, second = first + rows.start, second + columns.start
            alike = looks.alike(first, second) >= LOOK_AT_LEAST
            found.append(
                Pairs(
                    first[alike].astype(np.int32),
                    second[alike].astype(np.int32),
                    np.minimum(kept[alike], 1.0),
                )
            )
        done += 2 * cosines.size
        progress(min(done / total, 1.0))
    return Pairs(*(np.concatenate(column) for column in zip(*found, strict=True)))


def _tiles(count: int) -> Iterator[tuple[slice, slice]]:
    """Yields rows and columns that cover each pair of rows once or, at the diagonal, twice."""
    for start in range(0, count, _ROWS):
        rows = slice(start, min(start + _ROWS, count))
        for left in range(start, count, _COLUMNS):
            yield rows, slice(left, min(left + _COLUMNS, count))


def led(pairs: Pairs, pixels: NDArray[np.int64]) -> Iterator[list[tuple[int, float]]]:
    """Yields groups of (row, cosine to the leader), the leader first."""
    source = np.concatenate([pairs.first, pairs.second])
    target = np.concatenate([pairs.second, pairs.first])
    cosines = np.concatenate([pairs.cosines, pairs.cosines])
    order = np.argsort(source, kind="stable")
    target, cosines = target[order], cosines[order]
    copies = np.bincount(source, minlength=len(pixels))
    ends = np.cumsum(copies)
    free = copies > 0
    rows = np.arange(len(pixels))
    for leader in np.lexsort((rows, -pixels, -copies))[: np.count_nonzero(copies)].tolist():
        if not free[leader]:
            continue
        near = slice(ends[leader] - copies[leader], ends[leader])
        joining = free[target[near]]
        members = target[near][joining]
        free[leader] = False
        free[members] = False
        if len(members):
            scores = cosines[near][joining]
            yield [(leader, 1.0), *zip(members.tolist(), scores.tolist(), strict=True)]
