"""What is measured: our own index, of each kind."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from search_data import Case, portions

from indexer.types import Ids, Modality, Vectors

_PORTIONS_SAVED = 10


class Searcher(Protocol):
    """An opened index."""

    efforts: Sequence[str]
    """Ways to search, least effort first, where there are some to try."""

    def strive(self, effort: str) -> None:
        """Searches with that effort from now on."""
        ...

    def alone(self) -> None:
        """Makes searches of the calling thread keep to it, as others run beside it."""
        ...

    def search(self, queries: Vectors, k: int, among: Ids | None = None) -> Ids:
        """Returns int64 (queries, k), -1 for none."""
        ...


class Kind(Protocol):
    """A way to make an index in a folder and to open it; each happens in a process of its own."""

    missing: str | None
    """How to install what it needs, None where that is here."""

    def imports(self) -> None:
        """Loads the code that `open` needs."""
        ...

    def build(self, case: Case, folder: Path) -> tuple[str, int]:
        """Makes the index in the folder; returns what it is made of, and the bytes it must keep."""
        ...

    def open(self, folder: Path) -> Searcher:
        """Returns the index made in the folder, ready to search."""
        ...


class Ours:
    """Our index of a kind, or of the one that is chosen by the default budget."""

    missing = None

    def __init__(self, kind: str) -> None:
        self._kind = None if kind == "chosen" else kind

    def imports(self) -> None:
        import indexer.vectors.faiss  # noqa: F401  # is opened by name

    def build(self, case: Case, folder: Path) -> tuple[str, int]:
        from indexer.vectors import open_index
        from indexer.vectors.budget import Budget
        from indexer.vectors.faiss import FaissIndex
        from indexer.vectors.samples import Queries, strangers

        (folder / "dim").write_text(str(case.base.shape[1]))
        index = open_index("faiss", folder / "index", case.base.shape[1])
        assert isinstance(index, FaissIndex)
        for number, (ids, vectors) in enumerate(portions(case), 1):
            index.add(ids, vectors)
            if number % _PORTIONS_SAVED == 0:  # as an indexer does, which holds few in memory
                index.save()
        index.save()
        texts, rows = case.learn()
        pictures = Queries(case.base[rows].astype(np.float32), rows)
        samples = {Modality.TEXT: strangers(texts), Modality.IMAGE: pictures}
        structure = index.build(samples, Budget(), kind=self._kind)
        return f"{structure.kind}: {structure.why}", structure.memory_bytes

    def open(self, folder: Path) -> Searcher:
        from indexer.vectors import open_index

        return _OurSearcher(
            open_index("faiss", folder / "index", int((folder / "dim").read_text()))
        )


class _OurSearcher:
    efforts = ()

    def __init__(self, index: Any) -> None:
        self._index = index

    def strive(self, effort: str) -> None:
        raise ValueError(f"the index is tuned already, {effort} cannot be set")

    def alone(self) -> None:
        pass

    def search(self, queries: Vectors, k: int, among: Ids | None = None) -> Ids:
        ids: Ids = self._index.search(queries, k, among).ids
        return ids
