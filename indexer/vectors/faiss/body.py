"""Rows as short codes that FAISS searches: candidates, to be ranked exactly by the raw rows."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial

import faiss
import numpy as np
from numpy.typing import NDArray

from indexer.types import Ids, Vectors
from indexer.vectors.faiss.effort import parameters
from indexer.vectors.faiss.maps import Maps
from indexer.vectors.faiss.placed import Placed, place
from indexer.vectors.faiss.scan import decoded
from indexer.vectors.faiss.threads import cores, on_one_thread, side_by_side
from indexer.vectors.gpu import Gpu
from indexer.vectors.segments import State

_BLOCK = 32_768
_SHARD_ROWS = 16_384
"""Fewer are not worth a thread."""

Positions = NDArray[np.int64]
"""Where rows stand in a body, int64 (n,); row p is in shard p % len(shards)."""


@dataclass(frozen=True, slots=True)
class Body:
    """FAISS indexes over the rows `ids`, dealt out to the shards one by one.

    `maps` leads into the space of the indexes, None where that is the rows' own. Dealing out makes
    the neighbours of any query come from all shards alike, so each is asked for its share only.
    `placed` are copies of the shards on GPUs, which are asked first, None where there are none.
    """

    ids: Ids
    maps: Maps | None
    shards: tuple["faiss.Index", ...]
    placed: Placed | None = None

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def is_on_gpus(self) -> bool:
        """Whether GPUs search it, as long as they work."""
        return self.placed is not None and self.placed.works

    def on(self, gpu: Gpu) -> "Body":
        """Returns the body with copies on these GPUs, once they proved to search them right."""
        return replace(self, placed=place(gpu, self.shards))

    def candidates(self, queries: Vectors, count: int, effort: float) -> Positions:
        """Returns the positions of about `count` best rows, (queries, count), best first.

        -1 where there are fewer: an index that probes may not reach more. `effort` says how much
        such an index looks at, see `indexer.vectors.faiss.effort`.
        """
        asked = queries if self.maps is None else self.maps.queries(queries)
        number = len(self.shards)
        share = count / number
        quota = count if number == 1 else int(share + 4 * share**0.5 + 8)

        def search(at: int, some: Vectors) -> tuple[Vectors, Positions]:
            shard = self.shards[at]
            most = max(1, min(quota, shard.ntotal))
            there = None
            if self.placed is not None:
                there = self.placed.search(at, some, most, effort)
            scores, found = there or shard.search(some, most, params=parameters(shard, effort))
            return scores, np.where(found < 0, -1, found * number + at)

        if number == 1:
            lots = np.array_split(asked, 1 if self.is_on_gpus else max(1, min(cores(), len(asked))))
            return np.vstack([one for _, one in side_by_side(partial(search, 0), lots)])
        found = side_by_side(partial(search, some=asked), range(number))
        scores = np.hstack([one for one, _ in found])
        positions = np.hstack([one for _, one in found])
        scores[positions < 0] = -np.inf
        order = np.argsort(-scores, axis=1)[:, :count]
        return np.take_along_axis(positions, order, axis=1)

    def grown(self, state: State, ids: Ids) -> "Body":
        """Returns the body with these rows too; the shards are changed, the old one is spent."""
        _fill(self.shards, self.maps, len(self.ids), _blocks(state, ids))
        return Body(np.concatenate([self.ids, ids]), self.maps, self.shards)


def codes(state: State, sample: Vectors, maps: Maps, parts: int) -> Body:
    """Returns a body of product quantiser codes, 4 bits for each part, all scanned by each search.

    The codes lie so that a processor compares 32 rows at once by table look-ups in its registers
    (André et al. 2017, "Accelerated Nearest Neighbor Search with Quick ADC"; FAISS's fast scan).
    """
    empty = _quantiser(sample, maps, parts)
    ids = state.rows.ids
    shards = tuple(faiss.clone_index(empty) for _ in range(_shard_count(len(ids))))
    _fill(shards, maps, 0, _blocks(state, ids))
    return Body(ids, maps, shards)


def partitioned(state: State, sample: Vectors, maps: Maps, parts: int) -> Body:
    """Returns a body of the same codes in lists around centroids, of which a search probes some."""
    flat = _quantiser(sample, maps, parts)
    dims = flat.d
    centroids = _centroids(maps.rows(sample), len(state.rows.ids))
    empty = faiss.IndexIVFPQFastScan(
        faiss.IndexFlatIP(dims), dims, len(centroids), flat.pq.M, 4, faiss.METRIC_INNER_PRODUCT
    )
    empty.quantizer.add(centroids)
    empty.by_residual = False
    empty.pq = flat.pq
    empty.is_trained = True
    ids = state.rows.ids
    shards = tuple(faiss.clone_index(empty) for _ in range(_shard_count(len(ids))))
    _fill(shards, maps, 0, _blocks(state, ids))
    return Body(ids, maps, shards)


def probed(state: State, sample: Vectors, maps: Maps, parts: int, shards: int) -> Body:
    """Returns a body of lists as GPUs search them, one shard for each GPU.

    They code what is left of a row beside its centroid, 8 bits for each part. The processor can
    search them too, but on one core for each shard.
    """
    projected = maps.rows(sample)
    dims = projected.shape[1]
    centroids = _centroids(projected, len(state.rows.ids))
    empty = faiss.IndexIVFPQ(
        faiss.IndexFlatIP(dims), dims, len(centroids), parts, 8, faiss.METRIC_INNER_PRODUCT
    )
    empty.quantizer.add(centroids)
    empty.use_precomputed_table = -1  # serves Euclidean distances only
    empty.pq.cp.min_points_per_centroid = 1  # few rows are coded well with few to learn from
    with _nearest_lists(empty, maps):
        on_one_thread(lambda: empty.train(projected))
    ids = state.rows.ids
    clones = tuple(faiss.clone_index(empty) for _ in range(shards))
    _fill(clones, maps, 0, _blocks(state, ids))
    return Body(ids, maps, clones)


def factored(dim: int, factory: str) -> "faiss.Index":
    """Returns an empty index as a factory string of FAISS describes it.

    Raises:
        RuntimeError: FAISS does not know the string.
    """
    return faiss.index_factory(dim, factory, faiss.METRIC_INNER_PRODUCT)


def trained(index: "faiss.Index", state: State, sample: Vectors) -> Body:
    """Returns a body of this one index, filled with the rows as they are.

    Raises:
        RuntimeError: FAISS has too few rows to train it on.
    """
    if not index.is_trained:
        on_one_thread(lambda: index.train(sample))
    ids = state.rows.ids
    _fill((index,), None, 0, _blocks(state, ids))
    return Body(ids, None, (index,))


def _quantiser(sample: Vectors, maps: Maps, parts: int) -> "faiss.IndexPQFastScan":
    """Returns an empty index whose quantiser has learned from the sample."""
    dims = maps.row.shape[1]
    index = faiss.IndexPQFastScan(dims, parts, 4, faiss.METRIC_INNER_PRODUCT)
    projected = maps.rows(sample)
    on_one_thread(lambda: index.train(projected))
    return index


def _centroids(projected: Vectors, rows: int) -> Vectors:
    """Returns the centroids of lists for so many rows, learned from a sample, float32 (n, d)."""
    count = min(int(4 * rows**0.5), max(1, len(projected) // 39))
    means = faiss.Kmeans(projected.shape[1], count, niter=10, seed=1)
    on_one_thread(lambda: means.train(projected))
    return np.asarray(means.centroids, np.float32)


def _shard_count(rows: int) -> int:
    return max(1, min(cores(), rows // _SHARD_ROWS))


def _blocks(state: State, ids: Ids) -> Iterator[Vectors]:
    for start in range(0, len(ids), _BLOCK):
        yield decoded(state.gather(state.locate(ids[start : start + _BLOCK])))


def _fill(
    shards: tuple["faiss.Index", ...], maps: Maps | None, start: int, blocks: Iterator[Vectors]
) -> None:
    """Deals rows out to the shards, the first of them being row `start` of the body."""
    for block in blocks:
        rows = block if maps is None else maps.rows(block)
        first = -start % len(shards)
        if len(shards) == 1:  # FAISS's own threads are of use in building graphs
            _add(rows, shards, first, maps, 0)
        else:
            side_by_side(partial(_add, rows, shards, first, maps), range(len(shards)))
        start += len(block)


def _add(
    rows: Vectors, shards: tuple["faiss.Index", ...], first: int, maps: Maps | None, at: int
) -> None:
    dealt: Vectors = np.ascontiguousarray(rows[(first + at) % len(shards) :: len(shards)])
    with _nearest_lists(shards[at], maps):
        shards[at].add(dealt)


@contextmanager
def _nearest_lists(shard: "faiss.Index", maps: Maps | None) -> Iterator[None]:
    """Puts rows into the list of the nearest centroid; queries probe those they point to."""
    if maps is None or not isinstance(shard, faiss.IndexIVF):
        yield
        return
    pointed = shard.quantizer
    nearest = faiss.IndexFlatL2(shard.d)
    nearest.add(pointed.reconstruct_n(0, pointed.ntotal))
    shard.quantizer = nearest
    try:
        yield
    finally:
        shard.quantizer = pointed
