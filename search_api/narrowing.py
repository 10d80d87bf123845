"""Which items pass the filters of a query, kept while the catalogue stays as it is."""

from collections import OrderedDict
from threading import Lock

from indexer.filters import Filter
from indexer.types import Catalog, Ids, Modality

_KEPT_IDS = 8_000_000
"""Ids in all that are kept: 64 MB."""

_Key = tuple[tuple[Filter, ...], Modality]


class Narrowing:
    """Asks the catalogue which items pass; safe to call from many threads.

    Typing, paging and scrolling ask for the same filters again and again. The ids are handed out as
    the same array each time and cannot be written to, so that an index may keep what it makes of
    them.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._lock = Lock()
        self._kept: OrderedDict[_Key, tuple[int, Ids]] = OrderedDict()

    def among(self, filters: tuple[Filter, ...], modality: Modality) -> Ids | None:
        """Returns int64 ids, ascending, of the items that pass; None where there are no filters."""
        if not filters:
            return None
        changes = self._catalog.changes()
        key = (filters, modality)
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None and kept[0] == changes:
                self._kept.move_to_end(key)
                return kept[1]
        ids = self._catalog.matching(filters, modality)
        ids.flags.writeable = False
        with self._lock:
            self._kept[key] = (changes, ids)
            while sum(len(one) for _, one in self._kept.values()) > _KEPT_IDS:
                self._kept.popitem(last=False)
        return ids
