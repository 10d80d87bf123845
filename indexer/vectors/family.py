"""A space and the spaces taught on top of it, written as one: what the base takes in, all take in.

A taught row is computed from the base's row, so the base is the truth and the others follow it.
The base is saved first. After a crash between two saves `align` makes the others follow again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from indexer.types import Ids, Matches, Vectors
from indexer.vectors.stored import StoredIndex

_BLOCK = 8192


@dataclass(frozen=True, slots=True)
class Taught:
    """The index of a taught space, and what turns rows of the base into its rows."""

    index: StoredIndex
    teach: Callable[[Vectors], Vectors]


class FamilyIndex:
    """The index of a base space whose changes reach every taught space too."""

    def __init__(self, base: StoredIndex, taught: Sequence[Taught]) -> None:
        self._base = base
        self._taught = taught

    def align(self) -> None:
        """Makes every taught index hold exactly the base's ids; durable with `save`."""
        ids = self._base.ids
        for one in self._taught:
            one.index.remove(np.setdiff1d(one.index.ids, ids, assume_unique=True))
            missing = np.setdiff1d(ids, one.index.ids, assume_unique=True)
            for start in range(0, len(missing), _BLOCK):
                some = missing[start : start + _BLOCK]
                one.index.add(some, one.teach(self._base.vectors(some)))

    @property
    def ids(self) -> Ids:
        return self._base.ids

    @property
    def generation(self) -> int:
        return self._base.generation

    def __len__(self) -> int:
        return len(self._base)

    def add(self, ids: Ids, vectors: Vectors) -> None:
        self._base.add(ids, vectors)
        for one in self._taught:
            one.index.add(ids, one.teach(vectors))

    def remove(self, ids: Ids) -> None:
        self._base.remove(ids)
        for one in self._taught:
            one.index.remove(ids)

    def save(self) -> None:
        self._base.save()
        for one in self._taught:
            one.index.save()

    def refresh(self) -> bool:
        changed = [index.refresh() for index in (self._base, *(one.index for one in self._taught))]
        return any(changed)

    def search(self, queries: Vectors, k: int, among: Ids | None = None) -> Matches:
        return self._base.search(queries, k, among)

    def vectors(self, ids: Ids) -> Vectors:
        return self._base.vectors(ids)
