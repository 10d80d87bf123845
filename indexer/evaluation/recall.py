"""Recall of a space on its own captions, in both directions, exact.

The protocol is that of Hodosh, Young and Hockenmaier (2013) as Karpathy and Fei-Fei (2015) use it:
each caption looks for its one picture among all pictures, each picture for any one of its captions
among all captions; recall@k is the share of queries whose best right answer has rank k or better.
Captions that say the same are one: all pictures that bear it are right for it, and it for them. For
data sets of written sentences that changes next to nothing; where captions are names it is all.

Ties are counted against the space: a wrong answer whose cosine is within 1e-6 of the right one's
stands before it. A space that gives everything one vector thus has a recall of nothing, not of
everything, and the rounding of float32 cannot decide a rank.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from indexer.evaluation.pairs import Numbers, Pairs

CUTOFFS = (1, 5, 10)
_TIE = np.float32(1e-6)
_BLOCK_BYTES = 32 * 2**20
_BLOCK_WEIGHTS = 2_000_000


@dataclass(frozen=True, slots=True)
class Ranks:
    """Ranks from 1 of the best right answer.

    `text_to_image` int64 (different texts,), `image_to_text` int64 (images,), `about` int64
    (different texts,): the row of the first image that bears the text.
    """

    text_to_image: Numbers
    image_to_text: Numbers
    about: Numbers


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with the ends of its 95 % confidence interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Direction:
    """Recall in one direction; `recall` maps k to a share from 0 to 1."""

    queries: int
    candidates: int
    recall: Mapping[int, Estimate]
    median_rank: float


@dataclass(frozen=True, slots=True)
class Recall:
    """Recall in both directions."""

    text_to_image: Direction
    image_to_text: Direction


@dataclass(frozen=True, slots=True)
class Change:
    """Recall after less recall before, by k, in both directions."""

    text_to_image: Mapping[int, Estimate]
    image_to_text: Mapping[int, Estimate]


def rank(pairs: Pairs) -> Ranks:
    """Returns the rank of the best right answer of every different caption and every image.

    Memory beyond the vectors stays at about 64 MiB (or one row of scores, where that is more).

    Raises:
        ValueError: shapes do not fit, or an image has no caption.
    """
    _check(pairs)
    images, about = pairs.images, pairs.about
    _, first, word = np.unique(pairs.words, return_index=True, return_inverse=True)
    texts, word = pairs.texts[first], word.reshape(-1)
    rows = max(1, _BLOCK_BYTES // (4 * len(images)))
    best_of_text = np.full(len(texts), -np.inf, np.float32)
    best_of_image = np.full(len(images), -np.inf, np.float32)
    for start in range(0, len(about), rows):
        some = slice(start, start + rows)
        right = np.einsum("nd,nd->n", texts[word[some]], images[about[some]])
        np.maximum.at(best_of_text, word[some], right)
        np.maximum.at(best_of_image, about[some], right)
    text_ranks = np.empty(len(texts), np.int64)
    image_ranks = np.ones(len(images), np.int64)
    order = np.argsort(word, kind="stable")
    for start in range(0, len(texts), rows):
        block = slice(start, min(start + rows, len(texts)))
        scores = texts[block] @ images.T
        # Without the right pairs only wrong ones are left, in rows and in columns.
        right_pairs = order[slice(*np.searchsorted(word[order], (block.start, block.stop)))]
        scores[word[right_pairs] - start, about[right_pairs]] = -np.inf
        text_ranks[block] = 1 + np.count_nonzero(scores >= best_of_text[block, None] - _TIE, axis=1)
        image_ranks += np.count_nonzero(scores >= best_of_image - _TIE, axis=0)
    return Ranks(text_ranks, image_ranks, about[first])


def _check(pairs: Pairs) -> None:
    images, texts, about = pairs.images, pairs.texts, pairs.about
    if texts.ndim != 2 or images.ndim != 2 or texts.shape[1] != images.shape[1]:
        raise ValueError(f"texts {texts.shape} and images {images.shape} are not of one space")
    if about.shape != (len(texts),) or pairs.words.shape != about.shape or not len(texts):
        raise ValueError(
            f"about has shape {about.shape}, words {pairs.words.shape}, texts are {len(texts)}"
        )
    if about.min() < 0 or about.max() >= len(images):
        raise ValueError(f"about names image {about.max()}, images are {len(images)}")
    if not np.bincount(about, minlength=len(images)).all():
        raise ValueError("every image needs at least one text")


def summarise(ranks: Ranks, *, seed: int = 0, rounds: int = 1_000) -> Recall:
    """Returns recall@1, 5, 10 and the median rank with 95 % intervals.

    The intervals are percentiles of a bootstrap over pictures, since the captions of one picture
    are not independent: each round draws as many pictures as there are, with replacement, and
    takes all their queries. What is searched stays as it is.
    """
    images = np.arange(len(ranks.image_to_text))
    return Recall(
        _direction(ranks.text_to_image, ranks.about, len(images), seed=seed, rounds=rounds),
        _direction(ranks.image_to_text, images, len(ranks.about), seed=seed, rounds=rounds),
    )


def change(before: Ranks, after: Ranks, *, seed: int = 0, rounds: int = 1_000) -> Change:
    """Returns what recall gained from `before` to `after` on the same texts and images.

    The bootstrap is paired: both are judged on the same drawn pictures. A gain is significant at
    5 % where its interval leaves out 0.

    Raises:
        ValueError: the two do not rank the same pairs.
    """
    if not np.array_equal(before.about, after.about):
        raise ValueError("before and after rank different pairs")
    images = np.arange(len(before.image_to_text))

    def gained(old: Numbers, new: Numbers, picture: Numbers) -> Mapping[int, Estimate]:
        hits = {k: (new <= k).astype(float) - (old <= k) for k in CUTOFFS}
        return means(hits, picture, seed=seed, rounds=rounds)

    return Change(
        gained(before.text_to_image, after.text_to_image, before.about),
        gained(before.image_to_text, after.image_to_text, images),
    )


def _direction(
    ranks: Numbers, picture: Numbers, candidates: int, *, seed: int, rounds: int
) -> Direction:
    hits = {k: (ranks <= k).astype(float) for k in CUTOFFS}
    recall = means(hits, picture, seed=seed, rounds=rounds)
    return Direction(len(ranks), candidates, recall, float(np.median(ranks)))


def means(
    values: Mapping[int, NDArray[np.float64]],
    picture: Numbers,
    *,
    seed: int = 0,
    rounds: int = 1_000,
) -> Mapping[int, Estimate]:
    """Returns the mean of each row of values, with its interval by bootstrap over pictures.

    Args:
        values: By k, float64 (queries,).
        picture: int64 (queries,), the picture that each query belongs to.
        seed: Decides the draws.
        rounds: How many there are.
    """
    pictures = int(picture.max()) + 1
    queries = np.bincount(picture, minlength=pictures)
    sums = np.stack([np.bincount(picture, one, pictures) for one in values.values()], axis=1)
    generator = np.random.default_rng(seed)
    at_once = max(1, _BLOCK_WEIGHTS // pictures)
    drawn = []
    for start in range(0, rounds, at_once):
        size = min(at_once, rounds - start)
        weights = generator.multinomial(pictures, np.full(pictures, 1 / pictures), size)
        drawn.append((weights @ sums) / (weights @ queries)[:, None])
    low, high = np.percentile(np.concatenate(drawn), (2.5, 97.5), axis=0)
    mean = sums.sum(axis=0) / queries.sum()
    return {
        k: Estimate(float(mean[at]), float(low[at]), float(high[at])) for at, k in enumerate(values)
    }
