"""A CUDA device as FAISS uses it, by one thread at a time."""

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexer.types import Matches, Vectors

Half = NDArray[np.float16]
Positions = NDArray[np.int64]

TEMPORARY_BYTES = 2**29
"""On each device, for FAISS to compute in."""

REFUSALS = (RuntimeError, MemoryError)
"""What FAISS raises for a device that is full or cannot do; MemoryError where cuVS allocates.

Where CUDA itself reports an error, as for a device that is lost, FAISS aborts the whole process,
see `indexer.vectors.gpu_trial`.
"""

_PLACE = re.compile(r"^Error in .* at \S+:\d+: (Error: )?")

_BLOCK_BYTES = 2**31  # FAISS moves a whole index when rows are added, which takes its size again


class Device:
    """One GPU, and the rows that it holds, in blocks; one thread at a time may use it.

    `library` is FAISS, `resources` what FAISS computes in there; neither tells how much memory is
    free, so what does not fit is known once it is refused.
    """

    def __init__(self, library: Any, number: int, dim: int, block_bytes: int | None = None) -> None:
        self.number = number
        self.library = library
        self._dim = dim
        self._block_rows = (block_bytes or _BLOCK_BYTES) // (2 * dim)
        self.resources = library.StandardGpuResources()
        self.resources.setTempMemory(TEMPORARY_BYTES)
        self._config = library.GpuIndexFlatConfig()
        self._config.device = number
        self._config.useFloat16 = True
        self.clear()

    def __str__(self) -> str:
        return f"GPU {self.number}"

    def __len__(self) -> int:
        return sum(block.ntotal for block in self._blocks)

    def clear(self) -> None:
        self._blocks: list[Any] = []
        self._positions: list[Positions] = []

    def add(self, rows: Half, positions: Positions) -> None:
        while len(rows):
            if not self._blocks or self._blocks[-1].ntotal == self._block_rows:
                block = self.library.GpuIndexFlatIP(self.resources, self._dim, self._config)
                self._blocks.append(block)
                self._positions.append(np.empty(0, np.int64))
            room = self._block_rows - self._blocks[-1].ntotal
            self._blocks[-1].add(np.ascontiguousarray(rows[:room], np.float32))
            self._positions[-1] = np.concatenate([self._positions[-1], positions[:room]])
            rows, positions = rows[room:], positions[room:]

    def search(self, queries: Vectors, k: int) -> Matches:
        """Returns (queries, up to k for each block) positions and scores, in no order."""
        ids = [np.empty((len(queries), 0), np.int64)]
        scores = [np.empty((len(queries), 0), np.float32)]
        for block, positions in zip(self._blocks, self._positions, strict=True):
            score, row = block.search(queries, min(k, block.ntotal))
            ids.append(np.where(row < 0, -1, positions[row]))
            scores.append(score)
        return Matches(np.concatenate(ids, axis=1), np.concatenate(scores, axis=1))


def first_line(error: BaseException) -> str:
    """Returns the first line of what an error says, without the place in FAISS that says it."""
    return _PLACE.sub("", (str(error) or type(error).__name__).splitlines()[0])
