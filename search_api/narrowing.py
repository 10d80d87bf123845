"""What the catalogue answers to a query, kept while the catalogue stays as it is."""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence, Sized
from threading import Lock
from typing import Generic, TypeAlias, TypeVar

from indexer.filters import Filter
from indexer.types import Catalog, Ids, Item, Modality, Reason

_KEPT_IDS = 8_000_000
"""Ids in all that are kept: 64 MB."""
_KEPT_WORDED = 100_000
"""Items found by words that are kept: some 30 MB."""
_KEPT_ITEMS = 50_000
"""Items themselves: some 30 MB; at more all are let go, which takes a thousand searches."""

K = TypeVar("K", bound=Hashable)
V = TypeVar("V", bound=Sized)


class Narrowing:
    """Asks the catalogue which items pass filters, which hold words, and what they are.

    Typing, paging and scrolling ask for the same again and again. Safe to call from many threads.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._passing: _Passing = _Kept(_KEPT_IDS)
        self._worded: _Worded = _Kept(_KEPT_WORDED)
        self._items: tuple[int, dict[int, Item]] = (-1, {})

    def now(self) -> "Now":
        """Returns what answers for one query: the catalogue as it is at this moment, or later."""
        changes = self._catalog.changes()
        known, items = self._items
        if known != changes or len(items) > _KEPT_ITEMS:
            items = {}
            self._items = (changes, items)
        return Now(self._catalog, changes, self._passing, self._worded, items)


class Now:
    """The catalogue as one query sees it."""

    def __init__(
        self,
        catalog: Catalog,
        changes: int,
        passing: "_Passing",
        worded: "_Worded",
        items: dict[int, Item],
    ) -> None:
        self._catalog = catalog
        self._changes = changes
        self._passing = passing
        self._worded = worded
        self._items = items

    def among(self, filters: tuple[Filter, ...], modality: Modality) -> Ids | None:
        """Returns int64 ids, ascending, of the items that pass; None where there are no filters.

        They are the same array each time and cannot be written to, so that an index may keep what
        it makes of them.
        """
        if not filters:
            return None

        def ask() -> Ids:
            ids = self._catalog.matching(filters, modality)
            ids.flags.writeable = False
            return ids

        return self._passing.get((filters, modality), self._changes, ask)

    def worded(self, words: str, modality: Modality, limit: int) -> Mapping[int, Reason]:
        """Returns what the words find, best first, and why."""

        def ask() -> Mapping[int, Reason]:
            return {
                one.id: Reason(one.part, one.score, one.text, one.said_by, literal=True)
                for one in self._catalog.worded(words, modality, limit)
            }

        return self._worded.get((words, modality, limit), self._changes, ask)

    def fetch(self, ids: Sequence[int]) -> Mapping[int, Item]:
        """Returns those of the items that may be shown, by id."""
        if unknown := [id for id in ids if id not in self._items]:
            self._items.update(self._catalog.fetch(unknown))
        return {id: self._items[id] for id in ids if id in self._items}


class _Kept(Generic[K, V]):
    """Answers by what was asked, those asked last, up to so many things in all of them."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = Lock()
        self._kept: OrderedDict[K, tuple[int, V]] = OrderedDict()
        self._size = 0

    def get(self, key: K, changes: int, ask: Callable[[], V]) -> V:
        """Returns the answer that was given when there were so many changes, or a new one."""
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None and kept[0] == changes:
                self._kept.move_to_end(key)
                return kept[1]
        answer = ask()
        with self._lock:
            if (old := self._kept.pop(key, None)) is not None:
                self._size -= _size(old[1])
            self._kept[key] = (changes, answer)
            self._size += _size(answer)
            while self._size > self._most:
                self._size -= _size(self._kept.popitem(last=False)[1][1])
        return answer


def _size(answer: Sized) -> int:
    return len(answer) + 1  # empty ones take room as well


_Passing: TypeAlias = _Kept[tuple[tuple[Filter, ...], Modality], Ids]
_Worded: TypeAlias = _Kept[tuple[str, Modality, int], Mapping[int, Reason]]
