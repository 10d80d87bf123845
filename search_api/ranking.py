"""How vectors and lists become one ranking."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from indexer.errors import BadQuery
from indexer.types import Hit, Vectors

CANCELLED = 1e-4
"""Length of a mean of unit vectors below which its direction is rounding noise: 16-bit storage
alone moves a unit vector by up to about 5e-4 / sqrt(dim) in each coordinate."""

RANK_OFFSET = 60
"""Cormack, Clarke and Büttcher, Reciprocal Rank Fusion (SIGIR 2009)."""


def fuse(vectors: Vectors, weights: Sequence[float] | None = None) -> Vectors:
    """Returns float32 (1, dim), the weighted sum of the rows at unit length.

    Raises:
        BadQuery: the rows cancel each other out, so that no direction is left.
    """
    shares = np.ones(len(vectors)) if weights is None else np.array(weights, np.float64)
    total = (shares[:, None] * vectors).sum(axis=0) / np.abs(shares).sum()
    length = float(np.linalg.norm(total))
    if not length > CANCELLED:
        raise BadQuery(
            "The parts of the query cancel each other out, so there is nothing to search for: "
            "leave one of them out."
        )
    return np.ascontiguousarray((total / length)[None, :], dtype=np.float32)


def ranked(hits: Iterable[Hit]) -> list[Hit]:
    """Returns the hits, best first; equal scores in the order of their ids."""
    return sorted(hits, key=lambda hit: (-hit.score, hit.item.id))


def reciprocal_ranks(lists: Iterable[tuple[Sequence[int], float]]) -> Mapping[int, float]:
    """Returns for each id the sum of weight / (60 + rank) over the lists that hold it.

    Args:
        lists: Ids, best first, each with the weight of its list, which may be below 0.
    """
    found: dict[int, float] = {}
    for ids, weight in lists:
        for rank, id in enumerate(ids, start=1):
            found[id] = found.get(id, 0.0) + weight / (RANK_OFFSET + rank)
    return found


def diverse(
    vectors: Vectors, values: NDArray[np.float64], count: int, diversity: float
) -> list[int]:
    """Returns the rows of `count` items in the order of maximal marginal relevance.

    Each next row is the one with the most of (1 - diversity) times its value, less diversity times
    its greatest cosine to those before (Carbonell and Goldstein, SIGIR 1998); both as shares of
    their range, so that neither scale decides.

    Args:
        vectors: float32 (n, dim), rows of unit length.
        values: float64 (n,), higher is better.
        count: How many rows at most.
        diversity: From 0, by value alone, to 1.
    """
    span = float(np.ptp(values)) or 1.0
    worth = (values - values.min()) / span
    likeness = np.einsum("nd,md->nm", vectors, vectors)
    low = float(likeness.min())
    likeness = (likeness - low) / ((1.0 - low) or 1.0)
    left = np.ones(len(values), bool)
    nearest = np.zeros(len(values))
    chosen: list[int] = []
    while len(chosen) < min(count, len(values)):
        gain = np.where(left, (1 - diversity) * worth - diversity * nearest, -np.inf)
        best = int(np.argmax(gain))
        chosen.append(best)
        left[best] = False
        nearest = np.maximum(nearest, likeness[best])
    return chosen
