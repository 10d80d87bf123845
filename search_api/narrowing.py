"""What the catalogue answers to a query, kept while the catalogue stays as it is."""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence, Sized
from dataclasses import dataclass, field
from threading import Lock
from typing import Generic, TypeAlias, TypeVar

from indexer.filters import Filter
from indexer.types import Catalog, Ids, Item, Modality, Place, Reason
from indexer.wording import held

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
        self._worded: _WordedKept = _Kept(_KEPT_WORDED)
        self._known = _Known(-1)

    def now(self) -> "Now":
        """Returns what answers for one query: the catalogue as it is at this moment, or later."""
        changes = self._catalog.changes()
        known = self._known
        if known.changes != changes or len(known.items) > _KEPT_ITEMS:
            known = self._known = _Known(changes)
        return Now(self._catalog, self._passing, self._worded, known)


@dataclass(frozen=True, slots=True)
class ByWords:
    """What words find: by id, best first, why, and which share of the telling ones it holds."""

    reasons: Mapping[int, Reason]
    shares: Mapping[int, float]

    def __len__(self) -> int:
        return len(self.reasons)


@dataclass(frozen=True, slots=True)
class _Known:
    """Items and their copies, as they are after so many changes."""

    changes: int
    items: dict[int, Item] = field(default_factory=dict)
    copies: dict[int, Sequence[Place]] = field(default_factory=dict)


class Now:
    """The catalogue as one query sees it."""

    def __init__(
        self,
        catalog: Catalog,
        passing: "_Passing",
        worded: "_WordedKept",
        known: "_Known",
    ) -> None:
        self._catalog = catalog
        self._changes = known.changes
        self._passing = passing
        self._worded = worded
        self._items = known.items
        self._copies = known.copies

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

    def worded(self, words: str, modality: Modality, limit: int) -> "ByWords":
        """Returns what the words find."""

        def ask() -> ByWords:
            found = self._catalog.worded(words, modality, limit)
            shares = held(words, [one.text for one in found])
            return ByWords(
                {
                    one.id: Reason(one.part, one.score, one.text, one.said_by, literal=True)
                    for one in found
                },
                {one.id: share for one, share in zip(found, shares, strict=True)},
            )

        return self._worded.get((words, modality, limit), self._changes, ask)

    def fetch(self, ids: Sequence[int]) -> Mapping[int, Item]:
        """Returns those of the items that may be shown, by id."""
        if unknown := [id for id in ids if id not in self._items]:
            self._items.update(self._catalog.fetch(unknown))
        return {id: self._items[id] for id in ids if id in self._items}

    def copies(self, ids: Sequence[int]) -> Mapping[int, Sequence[Place]]:
        """Returns where exact copies of the items' files lie, by id (absent if nowhere)."""
        if unknown := [id for id in ids if id not in self._copies]:
            found = self._catalog.copies(unknown)
            self._copies.update({id: found.get(id, ()) for id in unknown})
        return {id: copies for id in ids if (copies := self._copies[id])}


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
_WordedKept: TypeAlias = _Kept[tuple[str, Modality, int], ByWords]
