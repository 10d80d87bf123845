"""Fitting a calibration to a space by its own captions: half of the queries fit, half judge.

What tells nothing is refused: a space in which a query with an answer hardly scores higher than one
without has no verdict, and says so.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import log

import numpy as np
from numpy.typing import NDArray

from indexer.calibration import NOTHING, STRONG, Calibration, Figures
from indexer.evaluation.asking import Asked, Embed, Kind, ask, growth
from indexer.evaluation.pairs import Pairs
from indexer.phrases import strange_texts
from indexer.types import Vectors
from indexer.wording import words_of

LEAST_PICTURES = 200
"""With so many captioned pictures a fit was up to 4 points worse on the right side than with all,
with 100 up to 8 (`make bench-relevance`)."""
LEAST_AUC = 0.6
"""Pictures drawn at random reached 0.57: leaving out the best lowers any score a little."""
_LEAST_ASKED = 100
_ROUNDS = 500
_RIDGE = 1e-3

Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The calibration, or why it was refused, and how it does on what it was not fitted on.

    `figures` is None where too little could be asked to tell.
    """

    figures: Figures | None
    calibration: Calibration | None = None
    refused: str | None = None


def calibrate(
    pairs: Pairs,
    said: Sequence[str],
    embed: Embed,
    *,
    drawn: Vectors,
    total: int,
    before: Calibration | None = None,
    seed: int = 0,
) -> Outcome:
    """Returns the calibration of a space.

    Args:
        pairs: Captions and their pictures, `LEAST_PICTURES` of these at least.
        said: What the captions say, one for each row of `texts`.
        embed: Turns texts into float32 (n, dim), rows of unit length.
        drawn: float32 (n, dim), pictures of the whole library, to tell by how much the best cosine
            grows with their number.
        total: How many pictures the library has.
        before: The calibration that the new one has to be better than; None if there is none.
        seed: Decides the queries and the halves.
    """
    asked = ask(pairs, said, embed, seed=seed)
    found = sum(one.right for one in asked)
    if found < _LEAST_ASKED:
        return Outcome(
            None,
            refused=f"only {found} queries with and without an answer could be made of the "
            f"captions, which takes {_LEAST_ASKED}: what they say is too much alike",
        )
    held = [one for one in asked if one.subject % 2]
    made = fit([one for one in asked if one.subject % 2 == 0])
    made = sized(made, len(pairs.images), total, growth(embed(strange_texts()), drawn, seed=seed))
    figures = judge(made, held, seed=seed)
    if made.cosine <= 0 or figures.auc_low < LEAST_AUC:
        refused = (
            f"a query with an answer has the higher score of two in {figures.auc:.1%} only "
            f"[{figures.auc_low:.1%}, {figures.auc_high:.1%}]; chance is 50 %, and below "
            f"{LEAST_AUC:.0%} verdicts would mislead. This model knows too little of what the "
            "captions say"
        )
        return Outcome(figures, refused=refused)
    if before is not None and not _is_better(made, before, held, seed):
        refused = "it is no better here than the one that comes with the model, which stays"
        return Outcome(figures, refused=refused)
    return Outcome(figures, made)


def fit(asked: Sequence[Asked]) -> Calibration:
    """Returns the logistic in cosine and telling words that fits the queries best.

    Kinds weigh the same, and so do queries with and without an answer. Newton's method on inputs of
    the same spread, with a slight pull towards zero, so that words which hardly vary count little.
    """
    inputs = np.array([[one.cosine, np.log(len(words_of(one.text)) + 1)] for one in asked])
    mean, spread = inputs.mean(axis=0), np.maximum(inputs.std(axis=0), 1e-6)
    scaled = np.column_stack([(inputs - mean) / spread, np.ones(len(asked))])
    right, weight = np.array([one.right for one in asked]), weights(asked)
    weight *= len(asked) / weight.sum()
    pull = np.array([_RIDGE, _RIDGE, 1e-9]) * len(asked)
    made = np.zeros(3)
    for _ in range(100):
        said = 1 / (1 + np.exp(-scaled @ made))
        slope = scaled.T @ (weight * (right - said)) - pull * made
        bend = (scaled * (weight * said * (1 - said))[:, None]).T @ scaled + np.diag(pull)
        step = np.linalg.solve(bend, slope)
        made += step
        if np.abs(step).max() < 1e-8:
            break
    cosine, words = (made[:2] / spread).tolist()
    told = [len(words_of(one.text)) for one in asked]
    return Calibration(
        cosine,
        words,
        float(made[2] - made[:2] @ (mean / spread)),
        lengths=(min(told), max(told)),
    )


def sized(fitted: Calibration, count: int, total: int, grows: float) -> Calibration:
    """Returns the calibration for libraries of other sizes than the one that it was fitted on.

    Args:
        fitted: That of `count` pictures.
        count: How many pictures it was fitted on.
        total: How many the library has; it may double.
        grows: By how much the best cosine grows with ln(pictures).
    """
    size = -fitted.cosine * grows
    sizes = (max(min(count, total) // 2, 1), 2 * max(count, total))
    offset = fitted.offset - size * log(count)
    return replace(fitted, size=size, sizes=sizes, offset=offset)


def judge(calibration: Calibration, asked: Sequence[Asked], *, seed: int = 0) -> Figures:
    """Returns how the calibration does on the queries, kinds weighing the same."""
    said, right, weight = _told(calibration, asked), _right(asked), weights(asked)
    strong, nothing = said >= STRONG, said < NOTHING
    auc, low, high = _told_apart(asked, seed)
    return Figures(
        queries=len(asked),
        auc=auc,
        auc_low=low,
        auc_high=high,
        right_side=float(np.average((said > 0.5) == right, weights=weight)),
        error=calibration_error(said, right, weight),
        strong_right=_share(right, strong, weight),
        strong_given=_share(strong, right, weight) or 0.0,
        nothing_right=_share(~right, nothing, weight),
        nothing_given=_share(nothing, ~right, weight) or 0.0,
    )


def weights(asked: Sequence[Asked]) -> Numbers:
    """Returns float64 (n,) by which kinds weigh the same, and right and wrong do."""
    groups = [(one.right, one.kind) for one in asked]
    kinds = {
        right: len({group for group in groups if group[0] is right}) for right in (True, False)
    }
    counts = {group: groups.count(group) for group in set(groups)}
    return np.array([1 / counts[group] / kinds[group[0]] for group in groups])


def area(scores: Numbers, right: Flags, weight: Numbers) -> float:
    """Returns how often a right answer has more than a wrong one, weighted; ties count half."""
    return _mean(_more(scores, right), weight[right], weight[~right])


def calibration_error(said: Numbers, right: Flags, weight: Numbers) -> float:
    """Returns by how much the probability is off from the share that is right, over ten bins."""
    bins = np.minimum((said * 10).astype(int), 9)
    mass, told, true = (
        np.bincount(bins, weight * one, 10) for one in (np.ones(len(said)), said, right)
    )
    return float(np.abs(told - true).sum() / mass.sum())


def _more(scores: Numbers, right: Flags) -> Numbers:
    """Returns, for each right and each wrong answer, 1 if it has more, 0.5 for a tie, else 0."""
    differ = scores[right][:, None] - scores[~right]
    return np.asarray(0.5 + 0.5 * np.sign(differ), np.float64)


def _mean(values: Numbers, rows: Numbers, columns: Numbers) -> float:
    """Returns the mean of a matrix, weighted by row and column."""
    return float(rows @ values @ columns / (rows.sum() * columns.sum()))


def _told_apart(asked: Sequence[Asked], seed: int) -> tuple[float, float, float]:
    """Returns the mean AUC of the cosine within kinds, and its 95 % interval over subjects.

    Only kinds that have both: between kinds the number of words would tell too.
    """
    random = np.random.default_rng(seed)
    drawn = []
    for kind in (Kind.CAPTION, Kind.WORD):
        some = [one for one in asked if one.kind is kind]
        if not some:
            continue
        right = _right(some)
        more = _more(np.array([one.cosine for one in some]), right)
        _, subject = np.unique([one.subject for one in some], return_inverse=True)
        count = int(subject.max()) + 1
        # The first is the figure itself, the others redraw the subjects.
        times = np.vstack([np.ones(count), random.multinomial(count, [1 / count] * count, _ROUNDS)])
        drawn.append([_mean(more, one[subject][right], one[subject][~right]) for one in times])
    means = np.mean(drawn, axis=0)
    low, high = np.quantile(means[1:], (0.025, 0.975)).tolist()
    return float(means[0]), low, high


def _is_better(made: Calibration, before: Calibration, asked: Sequence[Asked], seed: int) -> bool:
    """Whether queries are likelier by it, by chance once in 40, and no fewer on the right side."""
    right, weight = _right(asked), weights(asked)
    told, old = (_told(one, asked) for one in (made, before))
    if np.sum(weight * ((told > 0.5) == right)) < np.sum(weight * ((old > 0.5) == right)):
        return False
    likely, unlikely = (np.maximum(np.where(right, one, 1 - one), 1e-9) for one in (told, old))
    names = [f"{one.kind} {one.subject}" for one in asked]
    _, subject = np.unique(names, return_inverse=True)
    gains = np.bincount(subject, weight * np.log(likely / unlikely))
    random = np.random.default_rng(seed)
    sums = [gains[random.integers(0, len(gains), len(gains))].sum() for _ in range(_ROUNDS)]
    return bool(np.quantile(sums, 0.025) > 0)


def _told(calibration: Calibration, asked: Sequence[Asked]) -> Numbers:
    return np.array([calibration.probability(one.cosine, one.text, one.searched) for one in asked])


def _right(asked: Sequence[Asked]) -> Flags:
    return np.array([one.right for one in asked], bool)


def _share(of: Flags, among: Flags, weight: Numbers) -> float | None:
    return float(np.average(of[among], weights=weight[among])) if among.any() else None
