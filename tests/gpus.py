"""FAISS's GPUs, played on the processor."""

import threading

import numpy as np

from indexer.types import Vectors


class Resources:
    """What one thread at a time may use."""

    def __init__(self) -> None:
        self.busy = threading.Lock()

    def setTempMemory(self, size: int) -> None:  # noqa: N802 (FAISS's name)
        assert size > 0


class Config:
    device = -1
    useFloat16 = False  # noqa: N815 (FAISS's name)


class PlayedFaiss:
    """FAISS's GPUs, as far as they are used here, with rows on the processor.

    `room` is how many rows each device has memory for; `wrong` changes what searches find.
    """

    StandardGpuResources = Resources
    GpuIndexFlatConfig = Config

    def __init__(self, gpus: int = 1, room: int = 10**6) -> None:
        self.gpus = gpus
        self.room = dict.fromkeys(range(gpus), room)
        self.wrong: dict[int, str] = {}
        self.queries: list[int] = []
        self.used: dict[int, int] = dict.fromkeys(range(gpus), 0)

    def get_num_gpus(self) -> int:
        return self.gpus

    def GpuIndexFlatIP(  # noqa: N802 (FAISS's name)
        self, resources: Resources, dim: int, config: Config
    ) -> "PlayedIndex":
        assert config.useFloat16
        return PlayedIndex(self, resources, dim, config.device)


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
