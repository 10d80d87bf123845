"""What the catalogue answers to a query, kept while the catalogue stays as it is."""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from threading import Lock
from typing import Generic, TypeVar

from indexer.filters import Filter
from indexer.types import Catalog, Ids, Modality, Worded

_KEPT_IDS = 8_000_000
"""Ids in all that are kept: 64 MB."""
_KEPT_WORDED = 100_000
"""Items found by words that are kept: some 30 MB."""

K = TypeVar("K", bound=Hashable)
V = TypeVar("V", bound=Sequence[object] | Ids)


class Narrowing:
    """Asks the catalogue which items pass filters, and which hold words; safe with many threads.

    Typing, paging and scrolling ask for the same again and again.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._passing: _Kept[tuple[tuple[Filter, ...], Modality], Ids] = _Kept(_KEPT_IDS)
        self._worded: _Kept[tuple[str, Modality, int], Sequence[Worded]] = _Kept(_KEPT_WORDED)

    def now(self) -> "Now":
        """Returns what answers for one query; it looks once whether the catalogue has changed."""
        return Now(self._catalog, self._passing, self._worded)


class Now:
    """The catalogue as one query sees it; for one thread."""

    def __init__(
        self,
        catalog: Catalog,
        passing: "_Kept[tuple[tuple[Filter, ...], Modality], Ids]",
        worded: "_Kept[tuple[str, Modality, int], Sequence[Worded]]",
    ) -> None:
        self._catalog = catalog
        self._passing = passing
        self._found = worded
        self._changes: int | None = None

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

        return self._passing.get((filters, modality), self._number(), ask)

    def worded(self, words: str, modality: Modality, limit: int) -> Sequence[Worded]:
        """Returns what `Catalog.worded` does."""
        return self._found.get(
            (words, modality, limit),
            self._number(),
            lambda: self._catalog.worded(words, modality, limit),
        )

    def _number(self) -> int:
        if self._changes is None:
            self._changes = self._catalog.changes()
        return self._changes


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


def _size(answer: Sequence[object] | Ids) -> int:
    return len(answer) + 1  # empty ones take room as well
