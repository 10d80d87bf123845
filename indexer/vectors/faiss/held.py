"""What GPUs hold of an index while they are willing: all its rows, or a body made for them."""

import numpy as np
from numpy.typing import NDArray

from indexer.types import Ids, Matches, Vectors
from indexer.vectors.faiss.body import Body
from indexer.vectors.faiss.placed import Placed
from indexer.vectors.faiss.view import View
from indexer.vectors.gpu import Gpu
from indexer.vectors.segments import State
from indexer.vectors.structure import ON_GPUS, Structure

_BLOCK = 65_536
_MORE = 1.5
"""GPUs round queries, so somewhat more than k are ranked by the raw rows."""


class Held:
    """Rows on GPUs, by id, or copies of a body; one thread at a time changes what it is."""

    def __init__(self, gpu: Gpu) -> None:
        self._gpu = gpu
        self._ids: Ids = np.empty(0, np.int64)  # of every row that was given, in order
        self._gone: NDArray[np.bool_] = np.empty(0, np.bool_)
        self._given = 0  # how often all rows were given anew
        self._works = True
        self._placed: Placed | None = None

    def __str__(self) -> str:
        return str(self._gpu)

    @property
    def has_rows(self) -> bool:
        """Whether the GPUs hold all rows, and so are asked first."""
        return self._works and len(self._ids) > 0

    def spare(self, state: State, most_bytes: int | None, kind: str | None) -> Gpu | None:
        """Returns the GPUs for a body to be made for; None where they hold all rows instead.

        Args:
            state: The rows; the GPUs get all of them if they fit, but for a kind made for GPUs.
            most_bytes: What may be taken of the GPUs' memory from now on; None for all there is.
            kind: The kind of index that is asked for; None for a choice.
        """
        is_other = self._gpu.allow(most_bytes)
        if is_other or kind in ON_GPUS:
            self._release()
        if kind in ON_GPUS:
            return self._gpu
        self._follow(state)
        return self._gpu if kind is None and not self._works else None

    def follow(self, state: State, structure: Structure | None, body: Body | None) -> Body | None:
        """Returns the body, with copies on the GPUs if it is made for them; else they hold rows.

        A body that they refused, or failed to search since, is not put there again.
        """
        if structure is None or body is None or structure.kind not in ON_GPUS:
            self._follow(state)
            return body
        return self.place(body) if body.placed is None else body

    def place(self, body: Body) -> Body:
        """Returns the body with copies on the GPUs, unless these refuse; they hold nothing else."""
        if not body.is_on_gpus:
            self._release()
            body = body.on(self._gpu)
        self._placed = body.placed
        return body

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

    def _follow(self, state: State) -> None:
        if self._placed is not None:
            self._release()
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
        self._give(state)

    def _give(self, state: State) -> None:
        ids = state.rows.ids
        self._given += 1
        blocks = (
            state.gather(np.arange(start, min(len(ids), start + _BLOCK)))
            for start in range(0, len(ids), _BLOCK)
        )
        self._ids, self._gone = ids, np.zeros(len(ids), np.bool_)
        self._works = self._gpu.hold(blocks, len(ids))

    def _release(self) -> None:
        """Gives all memory back; rows are given anew when they are to be followed."""
        if self._placed is not None:
            self._placed.release()
        self._placed = None
        self._given += 1
        self._ids, self._gone = np.empty(0, np.int64), np.empty(0, np.bool_)
        self._works = True
        self._gpu.release()
