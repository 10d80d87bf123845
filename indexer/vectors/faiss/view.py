"""One state of an index as searches see it; what they find does not change."""

import threading
import weakref
from collections import OrderedDict
from functools import cached_property

import numpy as np

from indexer.types import Ids, Matches, Vectors
from indexer.vectors.faiss.body import Body
from indexer.vectors.faiss.scan import Chosen, Places, Scan, search_places
from indexer.vectors.faiss.threads import side_by_side
from indexer.vectors.ranked import best
from indexer.vectors.segments import State
from indexer.vectors.structure import Structure

_READ_ONE_BY_ONE_BYTES = 2**24
"""Up to so many bytes of chosen rows are read themselves, instead of scanning all."""
_RANKED_AT_ONCE = 8
_SLACK = 1.5
_WIDER = 4
_SCANNED_FROM_SHARE = 0.25
"""A body asked for more of its rows than this is slower than the scan that needs none."""
_KEPT_ROWS = 2**25
"""Flags of filters are kept for so many rows in all: 32 MB, and what scans make of them."""


class View:
    """The rows of a state, and the codes that stand for most of them where there are any."""

    def __init__(self, state: State, structure: Structure | None, body: Body | None) -> None:
        self.state = state
        self.structure = structure
        self.body = body
        self._choosing = threading.Lock()
        self._kept: OrderedDict[int, tuple[weakref.ref[Ids], Chosen]] = OrderedDict()
        if body is not None:
            # Where the body's rows are now: -1 for those that were removed since.
            self._places = state.locate(body.ids).astype(np.int32)
            coded = np.zeros(len(state.rows.ids), bool)
            coded[self._places[self._places >= 0]] = True
            self._tail_places = np.flatnonzero(~coded)
            self._tail = Scan(state, self._tail_places)
            self._dead = int((self._places < 0).sum())

    @cached_property
    def everything(self) -> Scan:
        """All rows, to be scanned."""
        return Scan(self.state)

    @property
    def tail(self) -> int:
        """How many rows are in no body."""
        return len(self.state.rows.ids) if self.body is None else len(self._tail)

    @property
    def dead(self) -> int:
        """How many rows of the body are gone."""
        return 0 if self.body is None else self._dead

    def chosen(self, among: Ids) -> Chosen:
        """Returns which rows may be found where only these ids may.

        An array that cannot be written to is known again: a page asks with the same filter many
        times, and at a million rows the flags take longer to make than to search with.
        """
        if among.flags.writeable:
            return self._chosen_of(among)
        with self._choosing:
            kept = self._kept.get(id(among))
            if kept is not None and kept[0]() is among:
                self._kept.move_to_end(id(among))
                return kept[1]
        made = self._chosen_of(among)
        with self._choosing:
            self._kept[id(among)] = weakref.ref(among), made
            while len(self._kept) > max(1, _KEPT_ROWS // max(len(made.mask), 1)):
                self._kept.popitem(last=False)
        return made

    def _chosen_of(self, among: Ids) -> Chosen:
        places = self.state.locate(np.asarray(among, np.int64))
        mask = np.zeros(len(self.state.rows.ids), bool)
        mask[places[places >= 0] if (places < 0).any() else places] = True
        return Chosen(mask)

    def search(self, queries: Vectors, k: int, chosen: Chosen | None = None) -> Matches:
        """Returns the k best rows, (queries, k), fewer only if there are fewer; holes at the end.

        `chosen` says which rows may be found, None for all.
        """
        if chosen is not None and 2 * self.state.dim * chosen.count <= _READ_ONE_BY_ONE_BYTES:
            return search_places(self.state, chosen.places, queries, k)
        if self.body is None or self.structure is None or not len(queries):
            return self.everything.search(queries, k, chosen)
        found = self._reach(queries, k, self.structure, chosen)
        if found is None:
            return self.everything.search(queries, k, chosen)
        parts = [self.ranked(queries, found, k)]
        if len(self._tail):
            parts.append(self._tail.search(queries, k, chosen))
        return best(parts, k, len(queries))

    def candidates(self, queries: Vectors, count: int, effort: float) -> Places:
        """Returns the places of the body's best, (queries, count), -1 for those that are gone."""
        if self.body is None:
            raise ValueError("an index that scans has no candidates")
        found = self.body.candidates(queries, count, effort)
        return np.where(found < 0, -1, self._places[found])

    def _reach(
        self,
        queries: Vectors,
        k: int,
        structure: Structure,
        chosen: Chosen | None,
    ) -> Places | None:
        """Returns candidates of which enough may be found; None where a scan is the better way."""
        body = len(self._places)
        there = body - self._dead
        if chosen is not None:
            there = chosen.count - int(np.count_nonzero(chosen.mask[self._tail_places]))
        narrow = there < body
        # Of a filter's rows as many must be ranked as of all rows without one, for equal recall;
        # and the best of fewer rows lie further from the query.
        wanted = structure.depth(k)
        needed = min(wanted if narrow else k, there)
        wider = _SLACK * body / max(there, 1) if narrow else 1.0
        reach = int(wanted * wider)
        while reach <= _SCANNED_FROM_SHARE * body:
            places = self.candidates(queries, reach, structure.effort * wider)
            if chosen is not None:
                # -1 looks at the last, and stays -1
                places = np.where(chosen.mask[places], places, -1)
            if int((places >= 0).sum(axis=1).min()) >= needed:
                return places
            reach *= _WIDER
            wider *= _WIDER
        return None

    def ranked(self, queries: Vectors, places: Places, k: int) -> Matches:
        """Returns the k best of the rows at these places, (queries, any), -1 for none."""

        def rank(start: int) -> Matches:
            # A query may as well be compared with the candidates of its neighbours in the batch.
            some = slice(start, start + _RANKED_AT_ONCE)
            there = np.unique(places[some])
            return search_places(self.state, there[there >= 0], queries[some], k)

        ranked = side_by_side(rank, range(0, len(queries), _RANKED_AT_ONCE))
        return Matches(
            np.concatenate([one.ids for one in ranked]),
            np.concatenate([one.scores for one in ranked]),
        )
