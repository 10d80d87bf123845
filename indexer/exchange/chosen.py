"""Which items are handed out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from indexer.types import Catalog as Reading
from indexer.types import CatalogWriter as Writing
from indexer.types import Ids, Item, Modality, SourceFile

_BLOCK = 4096


class Whole(Reading, Writing, Protocol):
    """Both halves of the catalogue, and where files lie."""

    def places(self, ids: Sequence[int]) -> Mapping[int, Sequence[SourceFile]]:
        """Returns the files that hold these pictures, exact copies included, by path."""
        ...

    def about_paths(self, ids: Ids) -> Mapping[int, str]:
        """Returns the paths of the pictures that captions name, there or not."""
        ...


@dataclass(frozen=True, slots=True)
class Held:
    """An item with its file, the path of the picture that it names, and its copies."""

    item: Item
    file: SourceFile
    about: str | None
    copies: Sequence[SourceFile]


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
            about = catalog.about_paths(ids)
            yield [
                Held(
                    items[id],
                    file,
                    about.get(id),
                    [copy for copy in places.get(id, ()) if copy.key != file.key],
                )
                for id, _, file in catalog.sources(ids)
                if id in items and self._is_below(file.location)
            ]

    def _is_below(self, path: Path) -> bool:
        return self.under is None or any(path.is_relative_to(folder) for folder in self.under)
