"""The candidates of one index, from several lists: by how they look, by captions, by words."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from time import perf_counter

import numpy as np

from indexer.types import (
    Hit,
    Item,
    Modality,
    Part,
    Reason,
    Vectors,
)
from search_api.aiming import Aim
from search_api.narrowing import Now
from search_api.query import Fusion, Query
from search_api.ranking import reciprocal_ranks
from search_api.view import View, among

LOOKS, CAPTIONS, WORDS = 1.0, 2.0, 1.0
"""Weights of the lists. With `pocket`, the first caption of each of Flickr8k's 1,000 photos of
`dev.txt` asked for, the other four in the library, recall@1, 5 and 10 in %: looks alone 12.4, 31.0,
44.8; all lists alike 42.5, 78.7, 87.1; captions twice 45.0, 80.0, 87.4; captions and words twice
49.9, 81.5, 88.9. Names fit by chance more often than such captions do, so words count once."""

_POOL = 200
"""At least so many of each list are looked at where several become one."""
_CAPTIONS = 100
"""So many captions are looked at; five of one picture are not rare."""
_AT_ONCE = 8
"""At least so many items are asked for at once."""
_STANDS_OUT = 2.0
"""By how many spreads a caption must lie above the mean of all, to count: in a list fused by ranks
some caption is always first, and the few pictures with one would come up for whatever is asked."""
_PUSHED_FROM = 1.0
"""By how many spreads above the mean an item must show what is to be left out to be pushed back."""


@dataclass(slots=True)
class _List:
    """Ids, best first, what each list adds to why they were found, and the list's weight."""

    ids: Sequence[int]
    weight: float
    reasons: Mapping[int, Reason] = field(default_factory=dict)


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
        enough can be shown or there are no more vectors.
        """
        most = len(self._index) if self._among is None else min(len(self._among), len(self._index))
        if not most:
            return []
        said = self._said()
        several = bool(said) or bool(self._aim.away) or self._query.fusion is Fusion.RANKS
        depth = min(max(wanted + len(self._excluded), _POOL if several else 0), most)
        while True:
            looks = self._by_looks(depth)
            items = self._first(self._ranked(looks, said), wanted)
            if len(items) >= wanted or depth >= most:
                return [self._hit(item, said) for item in items]
            depth = min(depth * 2, most)

    def _by_looks(self, depth: int) -> list[_List]:
        if self._query.fusion is Fusion.SPACE:
            nearest = self._nearest(self._aim.toward, depth)
            self._cosines.update(nearest)
            return [_List(list(nearest), LOOKS)]
        return [
            _List(list(self._nearest(vector, depth)), LOOKS * weight)
            for vector, weight in self._aim.each
        ]

    def _nearest(self, vector: Vectors, depth: int) -> dict[int, float]:
        """Returns the cosines of what lies nearest, best first."""
        found = self._index.search(vector, depth, self._among)
        return {
            id: score
            for id, score in zip(found.ids[0].tolist(), found.scores[0].tolist(), strict=True)
            if id >= 0 and id not in self._excluded
        }

    def _said(self) -> list[_List]:
        """Returns what words about items find: by their meaning, and as they stand."""
        aim = self._aim
        if not (self._query.words and aim.words):
            return []
        literal = self._by_words(aim.words)
        if self._modality is Modality.TEXT or not len(self._view.indexes[Modality.TEXT]):
            return [literal] if literal.ids else []
        lists = [self._by_captions(aim.toward), literal]
        return [one for one in lists if one.ids]

    def _by_words(self, words: str) -> _List:
        started = perf_counter()
        reasons = self._now.worded(words, self._modality, _POOL)
        self.fetch_s += perf_counter() - started
        return self._allowed(_List(list(reasons), WORDS, reasons))

    def _by_captions(self, vector: Vectors) -> _List:
        """Returns the pictures or films whose captions mean what the texts do."""
        captions = self._view.fresh(Modality.TEXT)
        found = captions.search(vector, min(_CAPTIONS, len(captions)))
        mean, spread = self._view.spread(Modality.TEXT).of(vector)
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
        return self._allowed(_List(list(reasons), CAPTIONS, reasons))

    def _allowed(self, found: _List) -> _List:
        """Returns the list without what may not be found, or has no vector in this index."""
        ids = np.array(found.ids, np.int64)
        kept = among(ids, self._index.ids)
        if self._among is not None:
            kept &= among(ids, self._among)
        allowed = [id for id in ids[kept].tolist() if id not in self._excluded]
        return _List(allowed, found.weight, found.reasons)

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

    def _ranked(self, looks: Sequence[_List], said: Sequence[_List]) -> list[int]:
        """Returns the ids that any list has, best first."""
        cosine = self._measured(dict.fromkeys(id for one in (*looks, *said) for id in one.ids))
        pushed = self._pushed(list(cosine))
        if len(looks) == 1 and not said:
            return self._by_value(list(cosine), cosine, pushed)
        # What clearly shows what is to be left out is not brought back by its words.
        lists: list[tuple[Sequence[int], float]] = [
            ([id for id in one.ids if not pushed.get(id)], one.weight) for one in said
        ]
        if len(looks) == 1:
            nearest = [id for id in looks[0].ids if id in cosine]
            lists.append((self._by_value(nearest, cosine, pushed), LOOKS))
        else:
            lists.extend((one.ids, one.weight) for one in looks)
        value = reciprocal_ranks(lists)
        return sorted(cosine, key=lambda id: (-value.get(id, 0.0), -cosine[id], id))

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

    def _by_value(
        self, ids: Sequence[int], cosine: Mapping[int, float], pushed: Mapping[int, float]
    ) -> list[int]:
        """Returns the ids by their cosines, less by how many spreads they are pushed back."""
        if not any(pushed.values()):
            return sorted(ids, key=lambda id: (-cosine[id], id))
        mean, spread = self._view.spread(self._modality).of(self._aim.toward)
        value = {id: (cosine[id] - mean) / spread - pushed.get(id, 0.0) for id in ids}
        return sorted(ids, key=lambda id: (-value[id], id))

    def _pushed(self, ids: Sequence[int]) -> dict[int, float]:
        """Returns by how many spreads items are pushed back for what they clearly show."""
        pushed = dict.fromkeys(ids, 0.0)
        for vector, weight in self._aim.away:
            mean, spread = self._view.spread(self._modality).of(vector)
            for id, score in self._scores(vector, ids).items():
                pushed[id] += weight * max((score - mean) / spread - _PUSHED_FROM, 0.0)
        return pushed

    def _hit(self, item: Item, said: Sequence[_List]) -> Hit:
        cosine = self._cosines[item.id]
        worded = [one.reasons[item.id] for one in said if item.id in one.reasons]
        return Hit(item, cosine, (*worded, Reason(part_of(item), cosine)))


def part_of(item: Item) -> Part:
    """Returns what of an item is compared by its own vector."""
    match item.modality:
        case Modality.VIDEO:
            return Part.FILM
        case Modality.TEXT:
            return Part.SUBTITLE if item.span is not None else Part.CAPTION
    return Part.PICTURE if item.span is None else Part.MOMENT
