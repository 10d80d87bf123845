"""The best items of one index, by how they look, by their captions, and by words about them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from indexer.types import (
    Hit,
    Item,
    Modality,
    Part,
    Reason,
    Vectors,
)
from search_api.aiming import Aim
from search_api.evidence import together, worth_of_words
from search_api.narrowing import Now
from search_api.query import Fusion, Query
from search_api.ranking import reciprocal_ranks
from search_api.spread import Spread
from search_api.view import View, among

_POOL = 200
"""At least so many of each list are looked at where several become one by their order."""
_CAPTIONS = 100
"""So many captions are looked at; five of one picture are not rare."""
_AT_ONCE = 8
"""At least so many items are asked for at once."""
_STANDS_OUT = 2.0
"""By how many spreads a caption must lie above the mean of all, to be a reason."""
_PUSHED_FROM = 1.0
"""By how many spreads above the mean an item must show what is to be left out to be pushed back."""


@dataclass(frozen=True, slots=True)
class _Said:
    """What words about items say: by id, what that is worth in spreads, and why."""

    captions: Mapping[int, float] = field(default_factory=dict)
    words: Mapping[int, float] = field(default_factory=dict)
    reasons: Sequence[Mapping[int, Reason]] = ()

    @property
    def ids(self) -> Iterable[int]:
        """All items that words speak for."""
        return dict.fromkeys([*self.captions, *self.words])


class Gathering:
    """Collects the best items of one modality for a query; for one search by one thread."""

    def __init__(
        self,
        view: View,
        modality: Modality,
        query: Query,
        aim: Aim,
        *,
        now: Now,
        excluded: Collection[int],
    ) -> None:
        """Prepares a search of the view's index of that modality.

        Args:
            view: The space.
            modality: Which of its indexes.
            query: What is asked.
            aim: Where that looks in the space.
            now: What may be shown, passes filters, and holds words.
            excluded: Ids that may not be found.
        """
        self._view = view
        self._modality = modality
        self._query = query
        self._aim = aim
        self._now = now
        self._among = now.among(query.every_filter, modality)
        self._excluded = excluded
        self._index = view.fresh(modality)
        self.fetch_s = 0.0
        self._scale: tuple[float, float] | None = None
        self._cosines: dict[int, float] = {}
        self._items: dict[int, Item] = {}
        self._asked: set[int] = set()

    @property
    def searched(self) -> int:
        """How many vectors there are to compare."""
        return len(self._index)

    def best(self, wanted: int) -> list[Hit]:
        """Returns the best items that may be shown, `wanted` at least where there are so many.

        The index may hold vectors of items that are hidden or gone, so it is asked for more until
        enough of those that look right can be shown or there are no more vectors.
        """
        most = len(self._index) if self._among is None else min(len(self._among), len(self._index))
        if not most:
            return []
        said = self._said()
        # Words only lift what they speak for, and that is measured whatever its looks: of all else
        # the first by looks stay the first. Ranks, and what is to be left out, move them.
        several = bool(self._aim.away) or self._query.fusion is Fusion.RANKS
        depth = min(max(wanted + len(self._excluded), _POOL if several else 0), most)
        while True:
            looks = self._by_looks(depth)
            near = list(dict.fromkeys(id for ids, _ in looks for id in ids))
            if depth >= most or len(self._first(near, wanted)) >= wanted:
                items = self._first(self._ranked(looks, said), wanted)
                return [self._hit(item, said) for item in items]
            depth = min(depth * 2, most)

    def _by_looks(self, depth: int) -> list[tuple[Sequence[int], float]]:
        """Returns lists of ids, best first, each with its weight."""
        if self._query.fusion is Fusion.SPACE:
            nearest = self._nearest(self._aim.toward, depth)
            self._cosines.update(nearest)
            return [(list(nearest), 1.0)]
        return [(list(self._nearest(vector, depth)), weight) for vector, weight in self._aim.each]

    def _nearest(self, vector: Vectors, depth: int) -> dict[int, float]:
        """Returns the cosines of what lies nearest, best first."""
        found = self._index.search(vector, depth, self._among)
        return {
            id: score
            for id, score in zip(found.ids[0].tolist(), found.scores[0].tolist(), strict=True)
            if id >= 0 and id not in self._excluded
        }

    def _said(self) -> _Said:
        """Returns what words about items find: by their meaning, and as they stand."""
        aim = self._aim
        if not (self._query.words and aim.words):
            return _Said()
        literal, words = self._by_words(aim.words)
        if self._modality is Modality.TEXT or not len(self._view.indexes[Modality.TEXT]):
            return _Said(words=words, reasons=[literal] if literal else [])
        scale = self._view.spread(Modality.TEXT).of(aim.toward)
        described = self._by_captions(aim.toward, *scale)
        mean, spread = scale
        captions = {id: (reason.score - mean) / spread for id, reason in described.items()}
        return _Said(captions, words, [one for one in (described, literal) if one])

    def _by_words(self, words: str) -> tuple[Mapping[int, Reason], Mapping[int, float]]:
        """Returns why words as they stand find an item, and what that is worth, by id."""
        started = perf_counter()
        found = self._now.worded(words, self._modality, _POOL)
        self.fetch_s += perf_counter() - started
        reasons = self._allowed(found.reasons)
        shares = {id: found.shares[id] for id in reasons}
        cut = len(reasons) >= _POOL
        return reasons, worth_of_words(shares, len(self._index), cut=cut)

    def _by_captions(self, vector: Vectors, mean: float, spread: float) -> Mapping[int, Reason]:
        """Returns the pictures or films whose captions mean what the texts do.

        Mean and spread are those of the captions' scores.
        """
        captions = self._view.fresh(Modality.TEXT)
        found = captions.search(vector, min(_CAPTIONS, len(captions)))
        cosines = {
            id: score
            for id, score in zip(found.ids[0].tolist(), found.scores[0].tolist(), strict=True)
            if id >= 0 and score >= mean + _STANDS_OUT * spread
        }
        started = perf_counter()
        items = self._now.fetch(list(cosines))
        self.fetch_s += perf_counter() - started
        reasons: dict[int, Reason] = {}
        for id, cosine in cosines.items():
            caption = items.get(id)
            # What is said in a film at one time is no description of the film as a whole.
            if caption is not None and caption.about is not None and caption.span is None:
                reason = Reason(Part.CAPTION, cosine, caption.text, id)
                reasons.setdefault(caption.about, reason)
        return self._allowed(reasons)

    def _allowed(self, found: Mapping[int, Reason]) -> Mapping[int, Reason]:
        """Returns it without what may not be found, or has no vector in this index."""
        ids = np.array(list(found), np.int64)
        kept = among(ids, self._index.ids)
        if self._among is not None:
            kept &= among(ids, self._among)
        return {id: found[id] for id in ids[kept].tolist() if id not in self._excluded}

    def _first(self, ids: Sequence[int], wanted: int) -> list[Item]:
        """Returns the first `wanted` of the items that may be shown, asking for few in vain."""
        found: list[Item] = []
        at = 0
        while len(found) < wanted and at < len(ids):
            some = ids[at : at + max(wanted - len(found), _AT_ONCE)]
            at += len(some)
            unknown = [id for id in some if id not in self._asked]
            if unknown:
                started = perf_counter()
                self._items.update(self._now.fetch(unknown))
                self._asked.update(unknown)
                self.fetch_s += perf_counter() - started
            found.extend(self._items[id] for id in some if id in self._items)
        return found[:wanted]

    def _ranked(self, looks: Sequence[tuple[Sequence[int], float]], said: _Said) -> list[int]:
        """Returns the ids that looks or words found, best first."""
        found = dict.fromkeys([*(id for ids, _ in looks for id in ids), *said.ids])
        measured = self._measured(found)
        ids = list(measured)
        cosines = np.array(list(measured.values()))
        if self._query.fusion is Fusion.RANKS:
            ranks = reciprocal_ranks([*looks, *((list(one), 1.0) for one in said.reasons)])
            values = np.array([ranks.get(id, 0.0) for id in ids])
        elif said.reasons or self._aim.away:
            values = self._valued(ids, cosines, said)
        else:
            values = cosines
        return [ids[at] for at in np.lexsort((np.array(ids), -cosines, -values)).tolist()]

    def _valued(
        self, ids: Sequence[int], cosines: NDArray[np.float64], said: _Said
    ) -> NDArray[np.float64]:
        """Returns what looks and words are worth together, in spreads."""
        if self._scale is None:
            self._scale = self._spread.of(self._aim.toward)
        mean, spread = self._scale
        above = (cosines - mean) / spread
        captions = np.array([said.captions.get(id, -np.inf) for id in ids])
        values = together(above, captions) + [said.words.get(id, 0.0) for id in ids]
        pushed = self._pushed(ids)
        # What clearly shows what is to be left out is not brought back by its words.
        return np.where(pushed > 0, above - pushed, values)

    @property
    def _spread(self) -> Spread:
        """How scores spread over the index; over that of pictures for films, which are few."""
        video = self._modality is Modality.VIDEO and Modality.IMAGE in self._view.indexes
        return self._view.spread(Modality.IMAGE if video else self._modality)

    def _measured(self, ids: Iterable[int]) -> dict[int, float]:
        """Returns the cosines to what is asked for, of those ids that the index still has."""
        wanted = list(ids)
        found = self._scores(self._aim.toward, [id for id in wanted if id not in self._cosines])
        self._cosines.update(found)
        return {id: self._cosines[id] for id in wanted if id in self._cosines}

    def _scores(self, vector: Vectors, ids: Sequence[int]) -> dict[int, float]:
        if not ids:
            return {}
        there, rows = self._view.stored(self._modality, np.array(ids, np.int64))
        # einsum, not BLAS, whose threads spin and so slow down what else is searching
        scores = np.einsum("nd,d->n", rows, vector[0])
        return dict(zip(there.tolist(), scores.tolist(), strict=True))

    def _pushed(self, ids: Sequence[int]) -> NDArray[np.float64]:
        """Returns by how many spreads items are pushed back for what they clearly show."""
        pushed = np.zeros(len(ids))
        for vector, weight in self._aim.away:
            mean, spread = self._spread.of(vector)
            scores = self._scores(vector, ids)
            above = (np.array([scores.get(id, -np.inf) for id in ids]) - mean) / spread
            pushed += weight * np.maximum(above - _PUSHED_FROM, 0.0)
        return pushed

    def _hit(self, item: Item, said: _Said) -> Hit:
        cosine = self._cosines[item.id]
        worded = [one[item.id] for one in said.reasons if item.id in one]
        return Hit(item, cosine, (*worded, Reason(part_of(item), cosine)))


def part_of(item: Item) -> Part:
    """Returns what of an item is compared by its own vector."""
    match item.modality:
        case Modality.VIDEO:
            return Part.FILM
        case Modality.TEXT:
            return Part.SUBTITLE if item.span is not None else Part.CAPTION
    return Part.PICTURE if item.span is None else Part.MOMENT
