"""Searches of many threads turned into batches, for what answers many queries as fast as one."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from indexer.batching import Batches
from indexer.types import Matches, Vectors


class _Search(NamedTuple):
    queries: Vectors
    k: int


class Batcher(Batches[_Search, Matches]):
    """Calls `search` from one thread at a time, with all queries that waited meanwhile at once."""

    def __init__(self, search: Callable[[Vectors, int], Matches], most: int = 64) -> None:
        """Makes searches go to `search`.

        Args:
            search: Takes float32 (n, dim) and k, returns (n, k) matches, best first; each row of
                them must not depend on the other queries, its first ones not on k.
            most: Query rows in one batch at most. A call that has more goes alone.
        """
        super().__init__(self._together, most, lambda one: len(one.queries))
        self._search = search

    def search(self, queries: Vectors, k: int) -> Matches:
        """Returns what is found for these queries; raises what is raised for their batch."""
        return self.ask(_Search(queries, k))

    def _together(self, searches: Sequence[_Search]) -> Sequence[Matches]:
        if len(searches) == 1:
            return [self._search(*searches[0])]
        matches = self._search(
            np.concatenate([one.queries for one in searches]), max(one.k for one in searches)
        )
        found: list[Matches] = []
        start = 0
        for queries, k in searches:
            part = (slice(start, start + len(queries)), slice(k))
            # copied, or one caller's few rows would keep the whole batch in memory
            found.append(Matches(matches.ids[part].copy(), matches.scores[part].copy()))
            start += len(queries)
        return found
