"""Exact search by FAISS on CUDA devices, where the build of FAISS has them and they work.

FAISS's GPU indexes are not thread-safe even for reading, take k up to 2,048, know no filter and
cannot drop single rows; what they cannot do, the caller does on the processor.
"""

import logging
import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from indexer.types import Matches, Vectors
from indexer.vectors.batching import Batcher
from indexer.vectors.gpu_device import (
    REFUSALS,
    TEMPORARY_BYTES,
    Device,
    Half,
    Positions,
    first_line,
)
from indexer.vectors.gpu_trial import TRIAL, ending

_MOST_K = 2048  # of FAISS's selection on a GPU
_MOST_DEAD = 1024
_SENT_AT_ONCE = 2**16  # rows; as float32 on their way
_TRIED_ROWS = 3000
_ALLOWED_ERROR = 2e-3

log = logging.getLogger(__name__)


def open_gpu(
    dim: int,
    *,
    most_bytes: int | None = None,
    library: Any = faiss,
    trial: tuple[str, ...] | None = None,
) -> "Gpu | None":
    """Returns the GPUs that search as they should, None where there is none.

    They are tried in a process apart first, which they may end, then each with rows of its own. One
    that fails is named in a warning and left out.

    Args:
        dim: Length of a vector.
        most_bytes: What may be taken of the GPUs' memory, all together; None for all there is.
        library: The module `faiss`, or what stands for it in a test.
        trial: The command that tries them; None for the usual one, for FAISS itself alone.
    """
    if trial is None:
        trial = TRIAL if library is faiss else ()
    # a build without GPUs may lack the function, or say 0
    if trial and getattr(library, "get_num_gpus", int)() and (fault := ending(trial)):
        log.warning(
            "GPUs end a process that tries them (%s): searching on the processor. Put in a FAISS "
            "and a driver that are made for them, or hide them with CUDA_VISIBLE_DEVICES=.",
            fault,
        )
        return None
    return opened(dim, most_bytes, library)


def opened(dim: int, most_bytes: int | None = None, library: Any = faiss) -> "Gpu | None":
    """Returns the same, tried in this process alone, which they may end; arguments as there."""
    devices, faults = [], {}
    for number in range(getattr(library, "get_num_gpus", int)()):
        try:
            fault = _fault_of(library, number, dim)
            device = Device(library, number, dim)
        except (*REFUSALS, AttributeError) as error:
            fault = first_line(error)
        if fault:
            faults[number] = fault
        else:
            devices.append(device)
    for number, fault in faults.items():
        log.warning(
            "GPU %d does not search as it should (%s): searching %s.",
            number,
            fault,
            "without it" if devices else "on the processor",
        )
    return Gpu(devices, dim, most_bytes) if devices else None


class Gpu:
    """Float16 rows on one or more GPUs; a row's position is its number in the order of being given.

    Nothing here raises for a device that refuses or fails: that is said in a warning, the memory is
    given back, and `search` answers None from then on, until `hold` succeeds. `refused` says why it
    last did so. What else is put on `devices` counts as theirs too, see `has_room` and `release`.
    """

    def __init__(self, devices: Sequence[Device], dim: int, most_bytes: int | None) -> None:
        self.devices = devices
        self.refused = ""
        self._dim = dim
        self._most_bytes = most_bytes
        self._alive = np.empty(0, np.bool_)
        self._dead = 0
        self._ready = False
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(len(devices), "gpu") if len(devices) > 1 else None
        self._batcher = Batcher(self._search)

    def __str__(self) -> str:
        return ", ".join(map(str, self.devices))

    def __len__(self) -> int:
        """Number of rows that a search can find."""
        return len(self._alive) - self._dead

    def hold(self, blocks: Iterable[Half], rows: int) -> bool:
        """Replaces all rows by those of the blocks, float16 (n, dim); False if they do not fit.

        Args:
            blocks: The rows, in any portions.
            rows: How many there are; asked first whether they fit.
        """
        with self._lock:
            self._clear()
            if not self._fits(rows):
                return False
            try:
                with self._at_work():
                    for block in blocks:
                        self._add(block)
                    self._ready = True
            finally:
                if not self._ready:
                    self._clear()
            return self._ready

    def add(self, rows: Half) -> bool:
        """Adds float16 (n, dim) rows; False if they do not fit, and then nothing is held."""
        with self._lock:
            if self._ready and not self._fits(len(self._alive) + len(rows)):
                self._clear()
            with self._at_work():
                if self._ready:
                    self._add(rows)
            return self._ready

    def drop(self, positions: Positions) -> bool:
        """Makes rows unfindable; False if so many are that all should be given anew by `hold`."""
        with self._lock:
            self._alive[positions] = False
            self._dead = len(self._alive) - int(self._alive.sum())
            return self._dead <= _MOST_DEAD

    def search(self, queries: Vectors, k: int) -> Matches | None:
        """Returns the k best of all rows, by position; None if it has to be done elsewhere.

        Scores are within 2e-3 of exact ones, as a query is rounded to float16 too.
        """
        if not self._ready or k + self._dead > _MOST_K:
            return None
        try:
            return self._batcher.search(queries, k)
        except _Refused:
            return None

    def _search(self, queries: Vectors, k: int) -> Matches:
        with self._lock:
            wanted = k + self._dead
            if not self._ready or wanted > _MOST_K:
                raise _Refused
            found: list[Matches] = []
            with self._at_work():
                each = map if self._pool is None else self._pool.map
                found = list(each(lambda device: device.search(queries, wanted), self.devices))
            if not self._ready:
                raise _Refused
            positions = np.concatenate([one.ids for one in found], axis=1)
            scores = np.concatenate([one.scores for one in found], axis=1)
            gone = positions < 0
            gone[~gone] = ~self._alive[positions[~gone]]
        return _best(positions, np.where(gone, -np.inf, scores), k)

    def _add(self, rows: Half) -> None:
        for start in range(0, len(rows), _SENT_AT_ONCE):
            some = rows[start : start + _SENT_AT_ONCE]
            positions = len(self._alive) + np.arange(len(some))
            min(self.devices, key=len).add(some, positions)
            self._alive = np.concatenate([self._alive, np.ones(len(some), np.bool_)])

    def allow(self, most_bytes: int | None) -> bool:
        """Lets so much of the GPUs' memory be taken from now on, None for all; False if it was."""
        before, self._most_bytes = self._most_bytes, most_bytes
        return before != most_bytes

    def has_room(self, what: str, taken: int) -> bool:
        """Whether so many bytes may be taken, besides what FAISS computes in; says so if not."""
        need = taken + TEMPORARY_BYTES * len(self.devices)
        if self._most_bytes is None or need <= self._most_bytes:
            return True
        allowed = f"{self._most_bytes / 1e9:.2f} GB are allowed"
        self.refused = f"{what} need {need / 1e9:.2f} GB there, {allowed}"
        log.warning(
            "%s: %s: searching on the processor. Allow more with --max-memory, or let "
            "atisbo index --rebuild-vectors choose what fits.",
            self,
            self.refused,
        )
        return False

    def release(self) -> None:
        """Gives back the memory of all rows; no search is under way on the devices after."""
        with self._lock:
            self._clear()

    def _fits(self, rows: int) -> bool:
        return self.has_room(f"{rows:,} vectors", rows * self._dim * 2)

    def _clear(self) -> None:
        for device in self.devices:
            device.clear()
        self._alive = np.empty(0, np.bool_)
        self._dead = 0
        self._ready = False

    @contextmanager
    def _at_work(self) -> Iterator[None]:
        """Gives up, and says so, when a device refuses: mostly for want of memory."""
        try:
            yield
        except REFUSALS as error:
            self.refused = f"failed ({first_line(error)})"
            log.warning("%s %s: searching on the processor.", self, self.refused)
            self._clear()


class _Refused(Exception):
    """The GPUs do not answer; the processor has to."""


def _best(positions: Positions, scores: NDArray[np.float32], k: int) -> Matches:
    """Returns (queries, k), best first, ties in order of position, holes at the end."""
    order = np.lexsort((positions, -scores), axis=1)[:, :k]
    count = order.shape[1]
    found = Matches(
        np.full((len(positions), k), -1, np.int64),
        np.full((len(positions), k), -np.inf, np.float32),
    )
    found.ids[:, :count] = np.take_along_axis(positions, order, axis=1)
    found.scores[:, :count] = np.take_along_axis(scores, order, axis=1)
    found.ids[np.isneginf(found.scores)] = -1
    return found


def _fault_of(library: Any, number: int, dim: int) -> str:
    """Returns what a GPU gets wrong with rows of known scores, in two blocks; "" if nothing."""
    random = np.random.default_rng(0)
    rows = random.normal(size=(_TRIED_ROWS, dim))
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float16)
    queries = (rows[:5] + 0.5 * rows[5:10]).astype(np.float32)
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    expected = queries @ rows.astype(np.float32).T
    device = Device(library, number, dim, block_bytes=2 * dim * (_TRIED_ROWS * 2 // 3))
    device.add(rows, np.arange(len(rows)))
    found = device.search(queries, 10)
    best = _best(found.ids, found.scores, 10)
    if not ((best.ids >= 0) & (best.ids < len(rows))).all():
        return "it finds fewer rows than there are, or others"
    if any(len(set(one.tolist())) < 10 for one in best.ids):
        return "it finds a row twice"
    error = np.abs(best.scores - np.take_along_axis(expected, best.ids, axis=1)).max()
    if not error < _ALLOWED_ERROR:
        return f"a score is off by {error:.4f}"
    missed = np.sort(expected, axis=1)[:, :-11:-1] - np.take_along_axis(expected, best.ids, 1)
    if not np.abs(missed).max() < _ALLOWED_ERROR:  # ids may differ only where scores hardly do
        return f"it misses rows that are better by {np.abs(missed).max():.4f}"
    return ""
