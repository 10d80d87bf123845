"""FAISS's GPUs, played on the processor."""

import threading
from typing import Any

import faiss
import numpy as np

from indexer.types import Vectors
from indexer.vectors.faiss.effort import parameters


class Resources:
    """What one thread at a time may use."""

    def __init__(self) -> None:
        self.busy = threading.Lock()

    def setTempMemory(self, size: int) -> None:  # noqa: N802 (FAISS's name)
        assert size > 0


class Config:
    device = -1
    useFloat16 = False  # noqa: N815 (FAISS's name)


class Options:
    """Of putting a copy on a GPU; a build with cuVS begins with its own IVF-PQ."""

    useFloat16 = False  # noqa: N815 (FAISS's name)
    use_cuvs = True


class PlayedFaiss:
    """FAISS's GPUs, as far as they are used here, with rows on the processor.

    `room` is how many rows each device has memory for, of which a copy takes its bytes' worth;
    `wrong` changes what searches of rows find, `wrong_copies` what searches of copies find.
    """

    StandardGpuResources = Resources
    GpuIndexFlatConfig = Config
    GpuClonerOptions = Options

    def __init__(self, gpus: int = 1, room: int = 10**6) -> None:
        self.gpus = gpus
        self.room = dict.fromkeys(range(gpus), room)
        self.wrong: dict[int, str] = {}
        self.wrong_copies: dict[int, str] = {}
        self.queries: list[int] = []
        self.copies_asked: list[int] = []
        self.used: dict[int, int] = dict.fromkeys(range(gpus), 0)

    def get_num_gpus(self) -> int:
        return self.gpus

    def GpuIndexFlatIP(  # noqa: N802 (FAISS's name)
        self, resources: Resources, dim: int, config: Config
    ) -> "PlayedIndex":
        assert config.useFloat16
        return PlayedIndex(self, resources, dim, config.device)

    def index_cpu_to_gpu(
        self, resources: Resources, device: int, index: "faiss.Index", options: Options
    ) -> "PlayedCopy":
        if not isinstance(index, faiss.IndexIVFPQ):
            where = "Error in virtual Index* clone_Index(const Index*) at /faiss/GpuCloner.cpp:253"
            raise RuntimeError(f"{where}: This index type is not implemented on GPU.")
        parts = index.pq.M
        assert not options.use_cuvs
        assert index.pq.nbits == 8
        assert index.by_residual
        assert parts in {1, 2, 3, 4, 8, 12, 16, 20, 24, 28, 32, 40, 48, 56, 64, 96}
        assert index.pq.M * 256 * (2 if options.useFloat16 else 4) <= 48 * 1024
        return PlayedCopy(self, resources, device, index)


class PlayedCuvs(PlayedFaiss):
    """The same with cuVS: graphs can be made, and followed."""

    Float16 = faiss.Float16
    GpuIndexCagraConfig = Config

    class SearchParametersCagra:
        def __init__(self, itopk_size: int) -> None:
            assert itopk_size % 32 == 0
            assert itopk_size <= 512
            self.itopk_size = itopk_size

    def GpuIndexCagra(  # noqa: N802 (FAISS's name)
        self, resources: Resources, dim: int, metric: int, config: Config
    ) -> "PlayedGraph":
        assert metric == faiss.METRIC_INNER_PRODUCT
        return PlayedGraph(self, dim, config.device)

    def index_gpu_to_cpu(self, made: "PlayedGraph") -> "faiss.IndexHNSWCagra":
        return made.graph()

    def index_cpu_to_gpu(
        self, resources: Resources, device: int, index: "faiss.Index", options: Options
    ) -> "PlayedCopy":
        if isinstance(index, faiss.IndexHNSWCagra):
            assert index.get_numeric_type() == self.Float16
            assert index.base_level_only
            return PlayedCopy(self, resources, device, index)
        return super().index_cpu_to_gpu(resources, device, index, options)


class PlayedGraph:
    """A graph that is made all at once; on the processor it is one of HNSW, of its lowest level."""

    def __init__(self, library: PlayedFaiss, dim: int, device: int) -> None:
        self._library = library
        self._device = device
        self._dim = dim

    def train(self, rows: np.ndarray, numeric_type: int) -> None:
        assert rows.dtype == np.float16
        assert numeric_type == faiss.Float16
        if self._library.wrong_copies.get(self._device) == "unmade":
            raise RuntimeError("CUDA error 2\nout of memory")
        self._rows = rows  # as it is: FAISS keeps the address only

    def graph(self) -> "faiss.IndexHNSWCagra":
        graph = faiss.IndexHNSWCagra(self._dim, 32, faiss.METRIC_INNER_PRODUCT, faiss.Float16)
        graph.add(self._rows.astype(np.float32))
        graph.base_level_only = True
        return graph


class PlayedCopy:
    """A copy of an index on a GPU, which the processor's index answers for."""

    def __init__(
        self, library: PlayedFaiss, resources: Resources, device: int, index: "faiss.Index"
    ) -> None:
        self._library = library
        self._resources = resources
        self._device = device
        self._index = faiss.deserialize_index(faiss.serialize_index(index))
        self._rows = -(-len(faiss.serialize_index(index)) // (2 * index.d))
        if library.used[device] + self._rows > library.room[device]:
            self._rows = 0
            raise RuntimeError("Error in StandardGpuResources: alloc fail\nmore of it")
        library.used[device] += self._rows

    def __del__(self) -> None:
        self._library.used[self._device] -= self._rows

    def search(
        self, queries: np.ndarray, k: int, *, params: Any, numeric_type: int | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        assert 0 < k <= 2048
        assert self._resources.busy.acquire(blocking=False), "two threads on one device"
        try:
            self._library.copies_asked.append(len(queries))
            if isinstance(self._index, faiss.IndexIVFPQ):
                assert params.nprobe <= 2048
                effort = params.nprobe
            else:
                assert numeric_type == faiss.Float16
                assert k <= params.itopk_size
                effort = params.itopk_size
            return self._search(queries, k, effort)
        finally:
            self._resources.busy.release()

    def _search(self, queries: np.ndarray, k: int, effort: int) -> tuple[np.ndarray, np.ndarray]:
        scores, rows = self._index.search(
            queries.astype(np.float32), k, params=parameters(self._index, effort)
        )
        match self._library.wrong_copies.get(self._device):
            case "raises":
                raise RuntimeError("CUDA error 700\nan illegal memory access was encountered")
            case "full":
                raise MemoryError("std::bad_alloc")
            case "scores":
                scores = 1.05 * scores
            case "nan":
                scores = scores * np.nan
            case "ties":  # of rows that score alike, others
                every = self._index.ntotal
                scores, rows = self._index.search(
                    queries.astype(np.float32), every, params=parameters(self._index, effort)
                )
                order = np.lexsort((-rows, -scores), axis=1)[:, :k]
                scores = np.take_along_axis(scores, order, axis=1)
                rows = np.take_along_axis(rows, order, axis=1)
            case "best":
                scores, rows = np.roll(scores, -5, axis=1), np.roll(rows, -5, axis=1)
            case "twice":
                rows[:, 1], scores[:, 1] = rows[:, 0], scores[:, 0]
            case "holes":
                rows = np.full_like(rows, -1)
            case "beyond":
                rows = rows + 1
        return scores, rows


class PlayedIndex:
    def __init__(self, library: PlayedFaiss, resources: Resources, dim: int, device: int) -> None:
        self._library = library
        self._resources = resources
        self._device = device
        self._rows = np.empty((0, dim), np.float16)

    def __del__(self) -> None:
        self._library.used[self._device] -= len(self._rows)

    @property
    def ntotal(self) -> int:
        return len(self._rows)

    def add(self, rows: Vectors) -> None:
        assert rows.dtype == np.float32
        if self._library.used[self._device] + len(rows) > self._library.room[self._device]:
            raise RuntimeError("Error in StandardGpuResources: alloc fail\nmore of it")
        self._library.used[self._device] += len(rows)
        self._rows = np.concatenate([self._rows, rows.astype(np.float16)])

    def search(self, queries: Vectors, k: int) -> tuple[np.ndarray, np.ndarray]:
        assert k <= 2048
        assert self._resources.busy.acquire(blocking=False), "two threads on one device"
        try:
            self._library.queries.append(len(queries))
            return self._search(queries, k)
        finally:
            self._resources.busy.release()

    def _search(self, queries: Vectors, k: int) -> tuple[np.ndarray, np.ndarray]:
        scores = queries.astype(np.float16).astype(np.float32) @ self._rows.astype(np.float32).T
        best = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        found = np.take_along_axis(scores, best, axis=1)
        match self._library.wrong.get(self._device):
            case "raises":
                raise RuntimeError("CUDA error 700\nan illegal memory access was encountered")
            case "full":
                raise MemoryError("std::bad_alloc")
            case "scores":
                found = found + 0.01
            case "nan":
                found = found * np.nan
            case "best":
                best = np.argsort(-scores, axis=1)[:, 3 : k + 3]
                found = np.take_along_axis(scores, best, axis=1)
            case "twice":
                best[:, 1], found[:, 1] = best[:, 0], found[:, 0]
            case "holes":
                best = np.full_like(best, -1)
            case "beyond":
                best = best + 1
        return found, best
