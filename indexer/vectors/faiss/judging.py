"""How much of the truth an index finds, for queries of each modality apart, and how fast."""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from indexer.types import Ids, Modality
from indexer.vectors.faiss.view import View
from indexer.vectors.samples import Queries, Samples
from indexer.vectors.structure import Recall

DEPTHS = (25, 50, 100, 200, 400, 800, 1600, 3200, 6400)
_TRUE = 100
_AT = 10
_TIMED = 25
_WARM_UP = 5
_SAME_SCORE = 2e-6
"""Scores of one row by two ways of adding up differ by less."""
_ENOUGH = 20
"""Fewer queries than this say nothing."""


@dataclass(frozen=True, slots=True)
class Truth:
    """Queries and their true neighbours: ids (n, 100) and the scores of the tenth (n,)."""

    queries: Queries
    ids: Ids
    tenth: NDArray[np.float32]


def truths(view: View, samples: Samples) -> Mapping[Modality, Truth]:
    """Returns the truth for each lot that is large enough to say something."""
    return {
        modality: _truth(view, queries)
        for modality, queries in samples.items()
        if len(queries) >= _ENOUGH
    }


def _truth(view: View, queries: Queries) -> Truth:
    found = view.everything.search(queries.vectors, _TRUE + 1)
    own = found.ids == queries.own[:, None]
    last = np.argsort(own, axis=1, kind="stable")[:, :_TRUE]
    scores = np.take_along_axis(np.where(own, -np.inf, found.scores), last, axis=1)
    return Truth(queries, np.take_along_axis(found.ids, last, axis=1), scores[:, _AT - 1])


def ranks(view: View, truth: Truth, deepest: int, effort: int) -> NDArray[np.int64]:
    """Returns at which place of the candidates each true neighbour comes, `deepest` for none."""
    places = view.candidates(truth.queries.vectors, deepest, effort)
    known = view.state.rows.ids
    ids = np.where(places < 0, -1, known[places]) if len(known) else places
    found = np.full(truth.ids.shape, deepest, np.int64)
    for at, (row, wanted) in enumerate(zip(ids, truth.ids, strict=True)):
        order = np.argsort(row, kind="stable")
        where = np.minimum(np.searchsorted(row[order], wanted), len(row) - 1)
        hit = row[order][where] == wanted
        found[at, hit] = order[where[hit]]
    return found


def depths_for(
    ranked: Mapping[Modality, NDArray[np.int64]], least: float, deepest: int
) -> Mapping[int, int] | None:
    """Returns how many candidates give `least` recall for 10 and for 100 results; None if none do.

    The lower end of the interval must reach it, for each modality.
    """
    chosen: dict[int, int] = {}
    for k in (_AT, _TRUE):
        for depth in (*(one for one in DEPTHS if one < deepest), deepest):
            if depth >= k and all(
                interval((one[:, :k] < depth).mean(axis=1)).low >= least for one in ranked.values()
            ):
                chosen[k] = depth
                break
        else:
            if k == _AT:
                return None
            chosen[k] = deepest
    return chosen


def measured(view: View, truth: Truth) -> Recall:
    """Returns recall@10 of real searches: of the true ten, or others that score just as much."""
    found = view.search(truth.queries.vectors, _AT + 1)
    scores = np.where(found.ids == truth.queries.own[:, None], -np.inf, found.scores)
    hits = (scores >= truth.tenth[:, None] - _SAME_SCORE).sum(axis=1)
    return interval(np.minimum(hits, _AT) / _AT)


def interval(shares: NDArray[np.floating]) -> Recall:
    """Returns the mean of the queries' shares, with its 95 % interval (normal approximation)."""
    mean = float(shares.mean())
    half = 1.96 * float(shares.std(ddof=1)) / len(shares) ** 0.5 if len(shares) > 1 else 1.0
    return Recall(mean, max(0.0, mean - half), min(1.0, mean + half), len(shares))


def latency_ms(view: View, queries: Queries) -> float:
    """Returns the median time of one search for ten, asked one after the other."""
    times = []
    for at in range(_WARM_UP + _TIMED):
        one = queries.vectors[at % len(queries)][None]
        started = perf_counter()
        view.search(one, _AT)
        times.append(perf_counter() - started)
    return 1e3 * median(times[_WARM_UP:])
