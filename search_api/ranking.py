"""How vectors and lists become one ranking."""

from collections.abc import Iterable

import numpy as np

from indexer.errors import BadQuery
from indexer.types import Hit, Vectors

CANCELLED = 1e-4
"""Length of a mean of unit vectors below which its direction is rounding noise: 16-bit storage
alone moves a unit vector by up to about 5e-4 / sqrt(dim) in each coordinate."""


def fuse(vectors: Vectors) -> Vectors:
    """Returns float32 (1, dim), the mean of the rows at unit length.

    Raises:
        BadQuery: the rows cancel each other out, so that no direction is left.
    """
    mean = vectors.mean(axis=0, dtype=np.float64)
    length = float(np.linalg.norm(mean))
    if not length > CANCELLED:
        raise BadQuery(
            "The parts of the query cancel each other out, so there is nothing to search for: "
            "leave one of them out."
        )
    return np.ascontiguousarray((mean / length)[None, :], dtype=np.float32)


def ranked(hits: Iterable[Hit]) -> list[Hit]:
    """Returns the hits, best first; equal scores in the order of their ids."""
    return sorted(hits, key=lambda hit: (-hit.score, hit.item.id))
