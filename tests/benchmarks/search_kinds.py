"""What is measured: our own index, of each kind."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple, Protocol

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


class Built(NamedTuple):
    """What an index is made of, the bytes it must keep in memory, and seconds spent before."""

    made_of: str
    needed_bytes: int = 0
    before_s: float = 0.0


class Kind(Protocol):
    """A way to make an index in a folder and to open it; each happens in a process of its own."""

    missing: str | None
    """How to install what it needs, None where that is here."""

    def imports(self) -> None:
        """Loads the code that `open` needs."""
        ...

    def build(self, case: Case, folder: Path) -> Built:
        """Makes the index in the folder."""
        ...

    def open(self, folder: Path) -> Searcher:
        """Returns the index made in the folder, ready to search."""
        ...


class Ours:
    """Our index of a kind, or of the one that is chosen by the default budget.

    All kinds are made from the same files of raw rows, which are written once.
    """

    missing = None

    def __init__(self, kind: str) -> None:
        self._kind = None if kind == "chosen" else kind

    def imports(self) -> None:
        import indexer.vectors.faiss  # noqa: F401  # is opened by name

    def build(self, case: Case, folder: Path) -> Built:
        from indexer.vectors import open_index
        from indexer.vectors.budget import Budget
        from indexer.vectors.faiss import FaissIndex
        from indexer.vectors.samples import Queries, strangers

        rows_s = _written(case)
        shutil.copytree(_rows_of(case), folder, copy_function=os.link, dirs_exist_ok=True)
        index = open_index("faiss", folder / "index", case.base.shape[1])
        assert isinstance(index, FaissIndex)
        texts, rows = case.learn()
        pictures = Queries(case.base[rows].astype(np.float32), rows)
        samples = {Modality.TEXT: strangers(texts), Modality.IMAGE: pictures}
        structure = index.build(samples, Budget(), kind=self._kind)
        made_of = f"{structure.kind}: {structure.why}"
        return Built(made_of, structure.memory_bytes, rows_s)

    def open(self, folder: Path) -> Searcher:
        from indexer.vectors import open_index

        return _OurSearcher(
            open_index("faiss", folder / "index", int((folder / "dim").read_text()))
        )


class OnDevice:
    """Our exact search by torch on a GPU, over the same files."""

    missing = None

    def imports(self) -> None:
        import indexer.vectors.torch  # noqa: F401  # is opened by name

    def build(self, case: Case, folder: Path) -> Built:
        rows_s = _written(case)
        shutil.copytree(_rows_of(case), folder, copy_function=os.link, dirs_exist_ok=True)
        return Built("float16 rows on the device", 0, rows_s)

    def open(self, folder: Path) -> Searcher:
        from indexer.vectors import open_index

        dim = int((folder / "dim").read_text())
        return _OurSearcher(open_index("torch:cuda", folder / "index", dim))


def _rows_of(case: Case) -> Path:
    return case.folder / "rows"


def _written(case: Case) -> float:
    """Returns the seconds that it took to write the case's rows as an index keeps them."""
    from indexer.vectors import open_index

    folder = _rows_of(case)
    took = case.folder / "rows_s"
    if not took.exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        (folder / "dim").write_text(str(case.base.shape[1]))
        started = perf_counter()
        index = open_index("faiss", folder / "index", case.base.shape[1])
        for number, (ids, vectors) in enumerate(portions(case), 1):
            index.add(ids, vectors)
            if number % _PORTIONS_SAVED == 0:  # as an indexer does, which holds few in memory
                index.save()
        index.save()
        took.write_text(str(perf_counter() - started))
    return float(took.read_text())


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
