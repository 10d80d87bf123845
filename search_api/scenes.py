"""Where in a film a query is answered: scores smoothed over neighbouring moments, and scenes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from indexer.types import Item, Span

MOST_SCENES = 5
_REACH_MS = 4_000
"""A moment this far away counts half of what one right beside counts."""
_ROUNDING = 1e-9
_AROUND = 0.5
"""At most this share of a smoothed score comes from the neighbours."""
_LEVEL = 0.5
"""A scene goes on while scores lie in the upper half between the film's median and its best."""


@dataclass(frozen=True, slots=True)
class Scored:
    """A moment and its score: as it is, and smoothed over its neighbours."""

    moment: Item
    score: float
    smooth: float


@dataclass(frozen=True, slots=True)
class Scene:
    """A stretch of a film that answers a query: [start_ms, end_ms), best at best_ms.

    `moment` is the id of the moment that is best, `score` its smoothed score.
    """

    start_ms: int
    end_ms: int
    best_ms: int
    moment: int
    score: float


def smoothed(spans: Sequence[Span], scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns float64 (n,), each score averaged with those around it in time.

    A neighbour counts by how long it lasts, and half as much for each four seconds between: one
    flash of a likeness is worth less than what stays.

    Args:
        spans: Of the moments, in order of time.
        scores: float64 (n,).
    """
    starts = np.array([span.start_ms for span in spans], np.float64)
    ends = np.array([span.end_ms for span in spans], np.float64)
    # Between two spans lies the time from the end of the first to the start of the second.
    apart = np.maximum(starts[:, None] - ends[None, :], starts[None, :] - ends[:, None])
    weights = np.exp2(-np.maximum(apart, 0.0) / _REACH_MS)
    np.fill_diagonal(weights, 1.0)
    lengths = np.clip(ends - starts, 1.0, _REACH_MS)
    # What is far away must not count, however much of it there is.
    weights = np.where(apart > 3 * _REACH_MS, 0.0, weights) * lengths
    own = np.diag(weights).copy()
    np.fill_diagonal(weights, 0.0)
    around = weights.sum(axis=1)
    means = np.divide((weights * scores).sum(axis=1), around, out=scores.copy(), where=around > 0)
    share = np.minimum(around / (around + own), _AROUND)
    return np.asarray((1 - share) * scores + share * means)


def timeline(moments: Sequence[Item], scores: NDArray[np.float64]) -> list[Scored]:
    """Returns the moments that have a span with their scores, smoothed, in order of time.

    Args:
        moments: All of one film.
        scores: float64 (n,), of each moment; NaN for those without a vector, which are left out.
    """
    known = sorted(
        (
            (moment.span.start_ms, moment, float(score))
            for moment, score in zip(moments, scores, strict=True)
            if moment.span is not None and not np.isnan(score)
        ),
        key=lambda one: one[0],
    )
    if not known:
        return []
    spans = [moment.span for _, moment, _ in known if moment.span is not None]
    smooth = smoothed(spans, np.array([score for _, _, score in known]))
    return [
        Scored(moment, score, float(value))
        for (_, moment, score), value in zip(known, smooth, strict=True)
    ]


def scenes(line: Sequence[Scored], most: int = MOST_SCENES) -> list[Scene]:
    """Returns the best stretches of a film, best first, none touching another.

    Each grows from its best moment to both sides, as long as the score stays in the upper half
    between the film's median and its best.
    """
    if not line:
        return []
    values = np.array([one.smooth for one in line])
    median = float(np.median(values))
    level = median + _LEVEL * (float(values.max()) - median) - _ROUNDING
    found: list[Scene] = []
    begin = 0
    while begin < len(line):
        if values[begin] < level:
            begin += 1
            continue
        end = begin
        while end + 1 < len(line) and values[end + 1] >= level:
            end += 1
        found.append(_scene(line[begin : end + 1]))
        begin = end + 1
    return sorted(found, key=lambda scene: (-scene.score, scene.start_ms))[:most]


def _scene(line: Sequence[Scored]) -> Scene:
    best = max(line, key=lambda one: (one.smooth, one.score))
    spans = [one.moment.span for one in line if one.moment.span is not None]
    at = best.moment.span
    assert at is not None, "a timeline has spans only"
    return Scene(
        min(span.start_ms for span in spans),
        max(span.end_ms for span in spans),
        at.best_ms,
        best.moment.id,
        best.smooth,
    )
