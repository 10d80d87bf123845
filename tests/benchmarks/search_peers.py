"""The peers: autofaiss, which picks a FAISS index by a memory budget, and usearch, an HNSW graph.

autofaiss 2.18 asks for numpy 1, which nothing else here can live with, but runs with numpy 2:

    pip install --no-deps autofaiss fire termcolor && pip install embedding-reader usearch
"""

import importlib.util
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from search_data import Case, portions
from search_kinds import Built, Searcher

from indexer.types import Ids, Vectors

_INSTALL = {
    "autofaiss": "pip install --no-deps autofaiss fire termcolor && pip install embedding-reader",
    "usearch": "pip install usearch",
}

_INDEX, _SETTING = "knn.index", "setting"


class Autofaiss:
    """What autofaiss picks for so many bytes of memory, with the settings that it tunes."""

    missing = None if importlib.util.find_spec("autofaiss") else _INSTALL["autofaiss"]

    def __init__(self, budget_bytes: int) -> None:
        self._budget = budget_bytes

    def imports(self) -> None:
        import faiss  # noqa: F401

    def build(self, case: Case, folder: Path) -> Built:
        import faiss
        from autofaiss import build_index

        _take_keywords()
        index, infos = build_index(
            str(case.folder / "base"),
            index_path=str(folder / _INDEX),
            save_on_disk=False,
            metric_type="ip",
            max_index_memory_usage=f"{self._budget // 10**6}MB",
            current_memory_available=f"{2 * self._budget // 10**6 + 4_000}MB",
            verbose=logging.WARNING,
        )
        if index is None or infos is None:
            raise RuntimeError(f"autofaiss finds no index within {self._budget / 1e6:,.0f} MB")
        faiss.write_index(index, str(folder / _INDEX))
        setting = str(infos["index_param"])
        (folder / _SETTING).write_text(setting)
        return Built(f"{infos['index_key']} {setting}")

    def open(self, folder: Path) -> Searcher:
        import faiss

        index = faiss.read_index(str(folder / _INDEX))
        return _Faiss(index, (folder / _SETTING).read_text())


def _take_keywords() -> None:
    """Lets autofaiss name the arguments of `OPQMatrix`, which FAISS 1.15 takes by place only."""
    import faiss

    matrix = faiss.OPQMatrix

    def by_name(d: int, M: int, d2: int) -> Any:  # noqa: N803  # autofaiss's names
        return matrix(d, M, d2)

    faiss.OPQMatrix = by_name


class _Faiss:
    def __init__(self, index: Any, setting: str) -> None:
        self._index = index
        self.efforts = tuple(_more(setting))
        self.strive(setting)

    def strive(self, effort: str) -> None:
        import faiss

        if effort:
            faiss.ParameterSpace().set_index_parameters(self._index, effort)

    def alone(self) -> None:
        import faiss

        faiss.omp_set_num_threads(1)

    def search(self, queries: Vectors, k: int, among: Ids | None = None) -> Ids:
        assert among is None, "is not asked of peers"
        ids: Ids = self._index.search(queries, k)[1]
        return ids


def _more(setting: str) -> list[str]:
    """Returns the setting and ones that look at twice as much each, up to 64 times as much."""
    more = [setting]
    for power in range(1, 7):
        changed = []
        for one in filter(None, setting.split(",")):
            name, _, value = one.partition("=")
            grows = name in ("nprobe", "efSearch", "quantizer_efSearch", "k_factor_rf")
            changed.append(f"{name}={int(float(value)) << power}" if grows else one)
        if changed and ",".join(changed) not in more:
            more.append(",".join(changed))
    return more


class Usearch:
    """A graph over float16 rows as usearch makes it, loaded into memory."""

    missing = None if importlib.util.find_spec("usearch") else _INSTALL["usearch"]

    def imports(self) -> None:
        import usearch.index  # noqa: F401

    def build(self, case: Case, folder: Path) -> Built:
        from usearch.index import Index

        index = Index(ndim=case.base.shape[1], metric="ip", dtype="f16")
        for ids, vectors in portions(case):
            index.add(ids.astype(np.uint64), vectors)
        index.save(str(folder / "graph.usearch"))
        return Built(f"HNSW, {index.connectivity} links, expansion_add {index.expansion_add}")

    def open(self, folder: Path) -> Searcher:
        from usearch.index import Index

        index = Index.restore(str(folder / "graph.usearch"), view=False)
        assert index is not None
        return _Graph(index)


class _Graph:
    efforts: Sequence[str] = tuple(f"expansion_search={64 << power}" for power in range(8))

    def __init__(self, index: Any) -> None:
        self._index = index
        self.strive(self.efforts[0])

    def strive(self, effort: str) -> None:
        self._index.expansion_search = int(effort.partition("=")[2])

    def alone(self) -> None:
        pass  # a single query runs on the thread that asks

    def search(self, queries: Vectors, k: int, among: Ids | None = None) -> Ids:
        assert among is None, "is not asked of peers"
        if len(queries) == 1:
            one = self._index.search(queries[0], k, threads=1).keys.astype(np.int64)
            return np.pad(one, (0, k - len(one)), constant_values=-1)[None]
        found = self._index.search(queries, k)
        ids: Ids = found.keys.astype(np.int64)
        for row, count in enumerate(found.counts):
            ids[row, count:] = -1
        return ids
