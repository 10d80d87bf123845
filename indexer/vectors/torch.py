"""Exact search by torch: one matrix product over float16 rows that stay on a CUDA device.

For machines where torch sees a GPU and FAISS does not. On a processor it gives the same results,
which serves tests; FAISS is faster there.
"""

import logging
import threading
from collections.abc import Iterator
from functools import cache, cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from indexer.errors import ConfigError
from indexer.types import Ids, Matches, Vectors
from indexer.vectors.batching import Batcher
from indexer.vectors.stored import MirroredIndex
from indexer.vectors.torch_rows import SCORE_BYTES, Rows, Scorer, at_work, open_scorer

_COMPACT_AT_DEAD_SHARE = 0.25
_GATHER_AT_MOST_SHARE = 0.25
_QUERIES_AT_ONCE = 1024

log = logging.getLogger(__name__)


class TorchIndex(MirroredIndex):
    """All rows in the device's memory, in the order they came; dead ones are skipped, then dropped.

    One thread at a time uses the device. Searches over all rows that wait for it become a batch.
    """

    def __init__(self, folder: Path, dim: int, device: str = "") -> None:
        """Opens the index; the device is used from the first search on.

        Args:
            folder: Where segments and manifest live.
            dim: Length of a vector.
            device: `cuda`, `cuda:N` or `cpu`; empty for a GPU where there is one.

        Raises:
            ConfigError: the device is unknown, or not on this machine.
            IndexMismatch: the folder holds vectors of another length or a newer format.
            Unavailable: a file of the index is missing or damaged.
        """
        super().__init__(folder, dim)
        self._device = open_device(device)
        self._rows = Rows(dim, self._device)
        self._ids = torch.empty(0, dtype=torch.int64, device=self._device)
        self._alive = torch.empty(0, dtype=torch.bool, device=self._device)
        self._dead = 0
        self._lock = threading.Lock()
        self._batcher = Batcher(self._search_all)

    @cached_property
    def _scorer(self) -> Scorer:
        return open_scorer(self._device, self._dim)

    def _change(self, gone: Ids, new: Ids, vectors: np.ndarray) -> None:
        with self._lock, at_work(self._device):
            if len(gone):
                self._alive &= ~self._are(gone)
                self._dead = len(self._rows) - int(self._alive.sum())
                if self._dead > _COMPACT_AT_DEAD_SHARE * len(self._rows):
                    self._compact()
            if not len(new):
                return
            self._rows.reserve(len(new))
            ids = torch.cat([self._ids, self._sent(new)])
            alive = torch.cat([self._alive, torch.ones_like(ids[: len(new)], dtype=torch.bool)])
            self._rows.append(torch.from_numpy(np.require(vectors, np.float16, ["C", "W"])))
            self._ids, self._alive = ids, alive

    def _compact(self) -> None:
        ids = self._ids[self._alive]
        alive = torch.ones_like(ids, dtype=torch.bool)
        try:
            self._rows.keep(self._alive)
        except torch.OutOfMemoryError:
            return  # dead rows do no harm but take room; the next removal tries again
        self._ids, self._alive, self._dead = ids, alive, 0

    def _search(self, queries: Vectors, k: int, among: Ids | None) -> Matches:
        if among is None:
            return self._batcher.search(queries, k)
        with self._lock, at_work(self._device):
            return self._best(queries, k, self._alive & self._are(among))

    def _search_all(self, queries: Vectors, k: int) -> Matches:
        with self._lock, at_work(self._device):
            return self._best(queries, k, self._alive if self._dead else None)

    def _best(self, queries: Vectors, k: int, allowed: torch.Tensor | None) -> Matches:
        ids = np.full((len(queries), k), -1, np.int64)
        scores = np.full((len(queries), k), -np.inf, np.float32)
        gather = allowed is not None and int(allowed.sum()) < _GATHER_AT_MOST_SHARE * len(allowed)
        for start in range(0, len(queries), _QUERIES_AT_ONCE):
            some = slice(start, start + _QUERIES_AT_ONCE)
            sent = self._sent(queries[some])
            best = self._scan(sent, k, self._tiles(len(sent), allowed, gather), careful=False)
            if bool(best.doubtful.any()):
                best = self._scan(sent, k, self._tiles(len(sent), allowed, gather), careful=True)
            count = best.ids.shape[1]
            ids[some, :count] = best.ids.cpu().numpy()
            scores[some, :count] = best.scores.cpu().numpy()
        ids[np.isneginf(scores)] = -1
        return Matches(ids, scores)

    def _scan(
        self, queries: torch.Tensor, k: int, tiles: "Iterator[_Tile]", *, careful: bool
    ) -> "_Best":
        """Returns the best of all tiles, in order of score, then of id.

        Where rows tie at the cut of a tile, the device picks any of them. That seldom matters in
        the end, and to look would stop the device at each tile, so it is noted and done over.
        """
        ids = torch.empty((len(queries), 0), dtype=torch.int64, device=self._device)
        scores = torch.empty((len(queries), 0), dtype=torch.float32, device=self._device)
        cuts: list[torch.Tensor] = []
        for tile in tiles:
            found = self._scorer.product(queries, tile.rows)
            if tile.allowed is not None:
                found.masked_fill_(~tile.allowed, -torch.inf)
            best = torch.topk(found, min(k + 1, found.shape[1]), dim=1)
            values, chosen = best.values[:, :k], tile.ids[best.indices[:, :k]]
            if best.values.shape[1] > k:
                cut = torch.where(
                    best.values[:, k - 1] == best.values[:, k], values[:, -1], -torch.inf
                )
                if careful:
                    _settle(found, values, chosen, tile.ids, cut)
                else:
                    cuts.append(cut)
            ids, scores = torch.cat([ids, chosen], dim=1), torch.cat([scores, values], dim=1)
            order = ids.argsort(dim=1)
            ranked = scores.gather(1, order).argsort(dim=1, descending=True, stable=True)
            order = order.gather(1, ranked)[:, :k]
            ids, scores = ids.gather(1, order), scores.gather(1, order)
        doubtful = torch.zeros(len(queries), dtype=torch.bool, device=self._device)
        for cut in cuts:
            doubtful |= (cut >= scores[:, -1]) & ~cut.isneginf()
        return _Best(ids, scores, doubtful)

    def _tiles(self, queries: int, allowed: torch.Tensor | None, gather: bool) -> "Iterator[_Tile]":
        most = self._scorer.tile_rows(queries, self._dim)
        if gather:  # what is gathered is a copy
            most = min(most, SCORE_BYTES // (2 * self._dim))
        for start, rows in self._rows.tiles(max(1, most)):
            here = slice(start, start + len(rows))
            if allowed is None:
                yield _Tile(rows, self._ids[here], None)
            elif not gather:
                yield _Tile(rows, self._ids[here], allowed[here])
            elif len(at := allowed[here].nonzero().squeeze(1)):
                yield _Tile(rows[at], self._ids[here][at], None)

    def _are(self, ids: Ids) -> torch.Tensor:
        return torch.isin(self._ids, self._sent(np.asarray(ids, np.int64)))

    def _sent(self, array: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.require(array, requirements=["C", "W"])).to(self._device)


class _Tile(NamedTuple):
    """Rows float16 (n, dim), their ids int64 (n,), and bool (n,), which count; None for all."""

    rows: torch.Tensor
    ids: torch.Tensor
    allowed: torch.Tensor | None


class _Best(NamedTuple):
    """(queries, up to k) ids and scores; `doubtful` where a tie may have kept the wrong ids."""

    ids: torch.Tensor
    scores: torch.Tensor
    doubtful: torch.Tensor


def _settle(
    found: torch.Tensor,
    values: torch.Tensor,
    chosen: torch.Tensor,
    ids: torch.Tensor,
    cut: torch.Tensor,
) -> None:
    """Where rows tie at the cut, makes `chosen` those of them with the lowest ids."""
    for query in (~cut.isneginf()).nonzero().squeeze(1).tolist():
        tied = values[query] == cut[query]
        candidates = ids[found[query] == cut[query]]
        chosen[query, tied] = candidates.sort().values[: int(tied.sum())]


@cache
def open_device(name: str) -> torch.device:
    """Returns the device of that name; an empty one stands for a GPU where there is one.

    Raises:
        ConfigError: the device is unknown, or not on this machine.
    """
    if not name and not torch.cuda.is_available():
        log.warning(
            "torch sees no GPU: searching with it on the processor, which is meant for tests. "
            "Set ATISBO_INDEX=faiss, which is faster there."
        )
        return torch.device("cpu")
    try:
        device = torch.device(name or "cuda")
        if device.type not in {"cpu", "cuda"}:
            raise RuntimeError("only cpu and cuda are supported")
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ConfigError(
            f"index torch:{name} cannot be used here ({str(error).splitlines()[0]}). Use torch, "
            "torch:cuda:N of a GPU that is here, or faiss."
        ) from error
    return device
