"""Copies of a body's shards on GPUs, which search them while they work; else the processor does.

FAISS searches IVF-PQ there, and CAGRA graphs where it was built with cuVS. What is learned, saved
and grown is always the processor's index, codes and all; copies of it are made at each start. GPUs
give candidates only, which the raw rows rank, so what has to be tried is that they miss none.
"""

import logging
import threading
from collections.abc import Sequence
from typing import Any, NamedTuple

import faiss
import numpy as np
from numpy.typing import NDArray

from indexer.types import Vectors
from indexer.vectors.faiss.effort import parameters
from indexer.vectors.gpu import Gpu
from indexer.vectors.gpu_device import REFUSALS, Device, Positions, first_line

Found = tuple[NDArray[np.float32], Positions]
"""Scores and numbers of rows in a shard, both (queries, k), best first; -1 for none."""

_MOST = 2048  # results, and lists probed, of FAISS's selection on a GPU
_MOST_FOLLOWED = 512  # results, and nodes kept in mind, of CAGRA's way that one block goes
_FOLLOWED_BY = 32
_MOST_SINGLE_PARTS = 32  # tables of float32 for more leave a GPU's blocks too little memory
_TRIED, _LISTED, _BEST = 20, 100, 10
_TRIED_EFFORT = 128
_ALLOWED_ERROR = 5e-3
_ENOUGH = 0.9

WAY_OUT = (
    "Another build of FAISS may help (graphs need one with cuVS: faiss-gpu-cuvs), or let "
    "atisbo index --rebuild-vectors choose what works."
)

log = logging.getLogger(__name__)


def place(gpu: Gpu, shards: Sequence["faiss.Index"]) -> "Placed":
    """Returns copies of the shards, dealt out to the GPUs in turn.

    Each is tried with rows of its own, against the processor. Where one fails, finds no room or is
    of a class that this FAISS lacks on GPUs, a warning says so, and none is kept.
    """
    rows = sum(shard.ntotal for shard in shards)
    is_graph = any(map(_is_graph, shards))
    what = "graphs" if is_graph else "codes"
    copies: list[_Copy] = []
    if gpu.has_room(f"{what} of {rows:,} vectors", sum(map(size_of, shards))):
        for at, shard in enumerate(shards):
            device = gpu.devices[at % len(gpu.devices)]
            try:
                copy = _copied(device, shard)
                fault = _fault_of(copy)
            except (*REFUSALS, AttributeError) as error:
                fault = first_line(error)
            if fault:
                gpu.refused = f"does not search {what} as it should ({fault})"
                log.warning("%s %s: the processor searches them. %s", device, gpu.refused, WAY_OUT)
                copies.clear()
                break
            copies.append(copy)
    return Placed(gpu, copies, _MOST_FOLLOWED if is_graph else _MOST)


class Placed:
    """Copies of shards on GPUs, each of which one thread at a time may search.

    Nothing here raises for a GPU that fails: that is said in a warning, the memory is given back,
    and `search` answers None from then on.
    """

    def __init__(self, gpu: Gpu, copies: Sequence["_Copy"], most: int) -> None:
        """Takes copies by number of the shard, none at all where GPUs do not search them.

        Args:
            gpu: The GPUs; copy `at` is on device `at % len(gpu.devices)`.
            copies: See `place`.
            most: How many candidates a copy can be asked for, and how much effort at most.
        """
        self.most = most
        self._gpu = gpu
        self._copies = copies
        self._busy = [threading.Lock() for _ in gpu.devices]
        self._ending = threading.Lock()

    @property
    def works(self) -> bool:
        """Whether GPUs search the shards."""
        return bool(self._copies)

    def search(self, at: int, queries: Vectors, k: int, effort: float) -> Found | None:
        """Returns the k best of shard `at`; None where the processor has to search it.

        Args:
            at: Number of the shard.
            queries: float32 (n, d), in the space of the shard.
            k: How many, at most as many as the shard has rows.
            effort: As for the processor, see `indexer.vectors.faiss.effort`.
        """
        device = at % len(self._busy)
        try:
            with self._busy[device]:
                copies = self._copies  # given back by now, it may be
                return copies[at].search(queries, k, effort) if copies else None
        except REFUSALS as error:
            self._give_up(self._gpu.devices[device], error)
            return None

    def release(self) -> None:
        """Gives the memory back; no search is under way on the devices after."""
        self._copies = ()
        for busy in self._busy:
            with busy:
                pass

    def _give_up(self, device: Device, error: Exception) -> None:
        with self._ending:
            if not self._copies:
                return
            self._gpu.refused = f"failed ({first_line(error)})"
            log.warning(
                "%s %s: the processor searches its codes. Restart to try it again, or let atisbo "
                "index --rebuild-vectors choose what works.",
                device,
                self._gpu.refused,
            )
            self.release()


class _Copy(NamedTuple):
    """An index on a GPU, the processor's index that it is a copy of, and the FAISS of both."""

    there: Any
    here: "faiss.Index"
    library: Any

    def search(self, queries: Vectors, k: int, effort: float) -> Found | None:
        """Returns what is found there; None where more is asked than a GPU can."""
        if _is_graph(self.here):
            kept = -(-max(int(effort), k) // _FOLLOWED_BY) * _FOLLOWED_BY
            if kept > _MOST_FOLLOWED:
                return None
            chosen = self.library.SearchParametersCagra(itopk_size=kept)
            scores, rows = self.there.search(
                queries, k, params=chosen, numeric_type=self.library.Float16
            )
        else:
            chosen = parameters(self.here, effort)
            if max(k, chosen.nprobe) > _MOST:
                return None
            scores, rows = self.there.search(queries, k, params=chosen)
        return scores, rows


def _copied(device: Device, shard: "faiss.Index") -> _Copy:
    """Returns a copy of the shard on the device.

    Raises:
        AttributeError: this FAISS lacks a class.
        RuntimeError: it cannot put such an index there, or the device fails.
        MemoryError: the device has too little memory.
    """
    options = device.library.GpuClonerOptions()
    options.use_cuvs = False  # another IVF-PQ, of other limits
    options.useFloat16 = isinstance(shard, faiss.IndexIVFPQ) and shard.pq.M > _MOST_SINGLE_PARTS
    there = device.library.index_cpu_to_gpu(device.resources, device.number, shard, options)
    return _Copy(there, shard, device.library)


def _fault_of(copy: _Copy) -> str:
    """Returns what a GPU gets wrong beside the processor, searching the same; "" if nothing.

    Both round, and a graph is entered by chance, so a tenth of what they find may differ; ids may,
    where scores hardly do.
    """
    shard, count = copy.here, copy.here.ntotal
    if not count:
        return ""
    queries = shard.reconstruct_n(0, min(_TRIED, count))
    k = min(_LISTED, count)
    listed, known = shard.search(queries, k, params=parameters(shard, _TRIED_EFFORT))
    found = copy.search(queries, k, _TRIED_EFFORT)
    if found is None:
        return "it takes too few results"
    scores, rows = (one[:, :_BEST] for one in found)
    if any(len(set(one)) < len(one) for one in (row[row >= 0].tolist() for row in rows)):
        return "it finds a row twice"
    there = known >= 0
    asked = there[:, :_BEST]
    error = _ALLOWED_ERROR * np.abs(listed[there]).max(initial=0)
    same = rows[:, :, None] == known[:, None, :]
    of_row = np.where(same, listed[:, None, :], -np.inf).max(axis=2)
    # A row that the processor does not list may score as much as its last one, not more.
    last = np.where(there, listed, np.inf).min(axis=1)[:, None]
    right = np.where(same.any(axis=2), np.abs(scores - of_row) <= error, scores <= last + error)
    right &= (rows >= 0) & (rows < count)
    if not right[asked].mean() >= _ENOUGH:
        return f"{1 - right[asked].mean():.0%} of its scores are not those of the rows"
    missed = ~(scores >= listed[:, :_BEST] - error)
    if missed[asked].mean() > 1 - _ENOUGH:
        return f"it misses {missed[asked].mean():.0%} of the best rows"
    return ""


def _is_graph(shard: "faiss.Index") -> bool:
    return isinstance(shard, faiss.IndexHNSW)


def size_of(index: "faiss.Index") -> int:
    """Returns how many bytes an index takes, without making a copy of them."""
    counted = 0

    def count(part: bytes) -> None:
        nonlocal counted
        counted += len(part)

    library: Any = faiss  # its stubs know the C++ names only
    library.write_index(index, library.PyCallbackIOWriter(count))
    return counted
