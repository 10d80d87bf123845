"""Which items are handed out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from indexer.types import Catalog as Reading
from indexer.types import CatalogWriter as Writing
from indexer.types import Facts, Ids, Item, Modality, SourceFile

_BLOCK = 4096
_NONE = Facts()


class Whole(Reading, Writing, Protocol):
    """Both halves of the catalogue, and where files lie."""

    def places(self, ids: Sequence[int]) -> Mapping[int, Sequence[SourceFile]]:
        """Returns the files that hold these pictures, exact copies included, by path."""
        ...

    def about(self, ids: Ids) -> Mapping[int, tuple[str | None, int | None]]:
        """Returns what captions describe, there or not, as in `Sample`: path and position."""
        ...


@dataclass(frozen=True, slots=True)
class Held:
    """An item with its file, what it describes, the file's copies, and what that tells of itself.

    `about` is the path of the picture that a caption names; `about_position` which sample of that
    file, or of its own where there is no path, it is about.
    """

    item: Item
    file: SourceFile
    about: str | None
    about_position: int | None
    copies: Sequence[SourceFile]
    facts: Facts


@dataclass(frozen=True, slots=True)
class Chosen:
    """Items below one of the folders, and of one of the ids; None stands for all."""

    under: Sequence[Path] | None = None
    ids: Ids | None = None

    def blocks(self, catalog: Whole, modality: Modality) -> Iterator[Sequence[Held]]:
        """Yields the items by id, some thousands at a time."""
        every = catalog.ids(modality)
        if self.ids is not None:
            every = np.intersect1d(every, self.ids)
        for start in range(0, len(every), _BLOCK):
            ids = every[start : start + _BLOCK]
            items = catalog.fetch(ids.tolist())
            places = catalog.places(ids.tolist())
            about = catalog.about(ids)
            facts = catalog.facts(ids.tolist())
            yield [
                Held(
                    items[id],
                    file,
                    *about.get(id, (None, None)),
                    [copy for copy in places.get(id, ()) if copy.key != file.key],
                    facts.get(id, _NONE),
                )
                for id, _, file in catalog.sources(ids)
                if id in items and self._is_below(file.location)
            ]

    def _is_below(self, path: Path) -> bool:
        return self.under is None or any(path.is_relative_to(folder) for folder in self.under)
