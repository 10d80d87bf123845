"""The best of what several searches found."""

from collections.abc import Sequence

import numpy as np

from indexer.types import Matches

_PARTITIONED_FROM = 4


def best(found: Sequence[Matches], k: int, queries: int = 0) -> Matches:
    """Returns the k best of all, (queries, k), ties in order of id, holes at the end.

    Args:
        found: (queries, any) matches with holes; no id stands in two of them.
        k: How many.
        queries: How many queries there were, should nothing be found.
    """
    ids = np.hstack([one.ids for one in found]) if found else np.empty((queries, 0), np.int64)
    scores = np.hstack([one.scores for one in found]) if found else ids.astype(np.float32)
    if ids.shape[1] > _PARTITIONED_FROM * k:
        # All that tie with the k-th must stay, so that the lowest ids can win.
        edge = np.partition(scores, ids.shape[1] - k, axis=1)[:, -k][:, None]
        most = max(k, int((scores >= edge).sum(axis=1).max()))
        some = np.argpartition(-scores, most - 1, axis=1)[:, :most]
        ids = np.take_along_axis(ids, some, axis=1)
        scores = np.take_along_axis(scores, some, axis=1)
    order = np.lexsort((ids, -scores), axis=1)[:, :k]
    kept_ids = np.full((len(ids), k), -1, np.int64)
    kept_scores = np.full((len(ids), k), -np.inf, np.float32)
    kept_ids[:, : order.shape[1]] = np.take_along_axis(ids, order, axis=1)
    kept_scores[:, : order.shape[1]] = np.take_along_axis(scores, order, axis=1)
    return Matches(kept_ids, kept_scores)
