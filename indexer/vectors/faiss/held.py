"""The rows of a state on GPUs, as long as these are willing."""

import numpy as np
from numpy.typing import NDArray

from indexer.types import Ids, Matches, Vectors
from indexer.vectors.faiss.view import View
from indexer.vectors.gpu import Gpu
from indexer.vectors.segments import State

_BLOCK = 65_536
_MORE = 1.5
"""GPUs round queries, so somewhat more than k are ranked by the raw rows."""


class Held:
    """What GPUs hold, by id."""

    def __init__(self, gpu: Gpu) -> None:
        self._gpu = gpu
        self._ids: Ids = np.empty(0, np.int64)  # of every row that was given, in order
        self._gone: NDArray[np.bool_] = np.empty(0, np.bool_)
        self._given = 0  # how often all rows were given anew
        self._works = True

    def follow(self, state: State) -> None:
        """Makes the GPUs hold the rows of this state; called by one thread at a time."""
        ids = state.rows.ids
        if not self._works:
            return
        here = self._ids[~self._gone]
        gone = np.setdiff1d(here, ids, assume_unique=True)
        new = np.setdiff1d(ids, here, assume_unique=True)
        if len(self._ids):
            lost = np.isin(self._ids, gone) & ~self._gone
            self._gone |= lost
            if self._gpu.drop(np.flatnonzero(lost)) and self._gpu.add(
                state.gather(state.locate(new))
            ):
                self._ids = np.concatenate([self._ids, new])
                self._gone = np.concatenate([self._gone, np.zeros(len(new), np.bool_)])
                return
        self._given += 1
        blocks = (
            state.gather(np.arange(start, min(len(ids), start + _BLOCK)))
            for start in range(0, len(ids), _BLOCK)
        )
        self._ids, self._gone = ids, np.zeros(len(ids), np.bool_)
        self._works = self._gpu.hold(blocks, len(ids))

    def search(self, view: View, queries: Vectors, k: int) -> Matches | None:
        """Returns the k best rows of the view, (queries, k); None where the processor has to."""
        if not self._works:
            return None
        given, ids = self._given, self._ids
        found = self._gpu.search(queries, min(int(k * _MORE) + 8, max(len(ids), 1)))
        if found is None or given != self._given:
            return None
        known = (found.ids >= 0) & (found.ids < len(ids))
        places = np.full(found.ids.shape, -1, np.int64)
        places[known] = view.state.locate(ids[found.ids[known]])
        if (known.sum(axis=1) < min(k, len(view.state.rows.ids))).any():
            return None
        return view.ranked(queries, places, k)
