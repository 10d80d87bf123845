"""The geometry of a space with two modalities, measured on matched pairs.

With u an image vector, v the vector of a text about it, all of unit length:

alignment    E |u - v|^2 over matched pairs; 0 is perfect (Wang and Isola 2020, alpha = 2).
uniformity   log E exp(-2 |x - y|^2) over pairs of different rows (t = 2): of images, of texts, and
             across modalities of unmatched pairs; lower is more even, 0 is one point, and evenly
             on a sphere of many dimensions it comes near -4.
gap          |mean u - mean v| (Liang et al. 2022); `gap_to_spread` divides it by the root of the
             mean squared distance of rows to their own modality's mean.
separability share of rows that lie nearer to their own modality's mean than to the other's, mean
             of both modalities; 0.5 is mixed, 1 is two cones apart.
auc          the chance that a matched pair has a higher cosine than an unmatched one, ties half.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from indexer.types import Vectors

MOST_PAIRS = 5_000
_BINS = 400
_BLOCK = 1_000

Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Uniformity:
    """Uniformity of images, of texts, and of unmatched pairs of both."""

    images: float
    texts: float
    cross: float


@dataclass(frozen=True, slots=True)
class Similarities:
    """Cosines of matched and unmatched pairs.

    `edges` float64 (401,) from -1 to 1; `matched` and `unmatched` int64 (400,) count pairs. The
    AUC and the means are of the scores themselves, not of the histogram.
    """

    edges: NDArray[np.float64]
    matched: Numbers
    unmatched: Numbers
    matched_mean: float
    unmatched_mean: float
    auc: float


@dataclass(frozen=True, slots=True)
class SpaceMeasures:
    """Figures of one space on `pairs` matched pairs drawn with `seed`, one text for each image.

    Unmatched pairs are all `pairs * (pairs - 1)` others of the same draw.
    """

    pairs: int
    seed: int
    alignment: float
    uniformity: Uniformity
    gap: float
    gap_to_spread: float
    separability: float
    similarities: Similarities


@dataclass(frozen=True, slots=True)
class FlatMap:
    """Images and their texts on the two main axes of both together.

    `images` and `texts` float64 (n, 2), row by row about the same thing; `explained` is the share
    of the variance on each axis.
    """

    images: NDArray[np.float64]
    texts: NDArray[np.float64]
    explained: tuple[float, float]


def draw_pairs(about: Numbers, *, most: int = MOST_PAIRS, seed: int = 0) -> tuple[Numbers, Numbers]:
    """Returns rows of texts and of their images, each image at most once, ascending by image.

    Args:
        about: int64 (t,), for each text the row of its image.
        most: Images to draw where there are more.
        seed: Decides which images, and which of an image's texts.
    """
    generator = np.random.default_rng(seed)
    shuffled = generator.permutation(len(about))
    images, first = np.unique(about[shuffled], return_index=True)
    texts = shuffled[first]
    if len(images) > most:
        kept = np.sort(generator.choice(len(images), most, replace=False))
        images, texts = images[kept], texts[kept]
    return texts, images


def measure(texts: Vectors, images: Vectors, *, seed: int = 0) -> SpaceMeasures:
    """Returns the figures of matched pairs, all of them used.

    Args:
        texts: float32 (n, dim), rows of unit length, n at least 2.
        images: float32 (n, dim), row i the image that text i is about, no image twice.
        seed: The seed that the pairs were drawn with, kept with the figures.

    Raises:
        ValueError: shapes differ or there are fewer than 2 pairs.
    """
    if texts.shape != images.shape or texts.ndim != 2 or len(texts) < 2:
        raise ValueError(f"need two or more pairs, got texts {texts.shape}, images {images.shape}")
    matched = np.einsum("nd,nd->n", texts, images)
    gap, gap_to_spread, separability = _gap(texts, images)
    return SpaceMeasures(
        pairs=len(texts),
        seed=seed,
        alignment=float(np.mean(np.sum((images - texts) ** 2, axis=1), dtype=np.float64)),
        uniformity=Uniformity(
            _uniformity(images, images), _uniformity(texts, texts), _uniformity(images, texts)
        ),
        gap=gap,
        gap_to_spread=gap_to_spread,
        separability=separability,
        similarities=_similarities(matched, texts, images),
    )


def flatten(texts: Vectors, images: Vectors) -> FlatMap:
    """Returns the pairs on the first two principal axes of texts and images together.

    Nothing is drawn by chance, and the sign of each axis is fixed by its largest component, so the
    same vectors always give the same map. Both arguments are float32 (n, dim), dim at least 2.
    """
    both = np.concatenate([images, texts]).astype(np.float64)
    both -= both.mean(axis=0)
    variances, axes = np.linalg.eigh(both.T @ both)
    axes = axes[:, [-1, -2]]
    axes = axes * np.where(axes[np.abs(axes).argmax(axis=0), [0, 1]] < 0, -1.0, 1.0)
    total = max(float(variances.sum()), np.finfo(float).tiny)
    flat = both @ axes
    return FlatMap(
        flat[: len(images)],
        flat[len(images) :],
        (float(variances[-1]) / total, float(variances[-2]) / total),
    )


def _off_diagonal(left: Vectors, right: Vectors) -> Iterator[Vectors]:
    """Yields the cosines of all rows i of left with all rows j != i of right, flat, in blocks."""
    for start in range(0, len(left), _BLOCK):
        scores = left[start : start + _BLOCK] @ right.T
        others = np.ones(scores.shape, bool)
        others[np.arange(len(scores)), np.arange(start, start + len(scores))] = False
        yield scores[others]


def _uniformity(left: Vectors, right: Vectors) -> float:
    # For unit rows |x - y|^2 = 2 - 2 cos.
    total = sum(
        float(np.exp(4 * (scores - 1)).sum(dtype=np.float64))
        for scores in _off_diagonal(left, right)
    )
    return float(np.log(total / (len(left) * (len(left) - 1))))


def _gap(texts: Vectors, images: Vectors) -> tuple[float, float, float]:
    means = [one.mean(axis=0, dtype=np.float64) for one in (images, texts)]
    gap = float(np.linalg.norm(means[0] - means[1]))
    spread = np.mean([((images - means[0]) ** 2).sum(1), ((texts - means[1]) ** 2).sum(1)])
    middle = (means[0] + means[1]) / 2
    sides = [(one - middle) @ (means[0] - means[1]) for one in (images, texts)]
    # A row exactly between the means is half right.
    own = [np.mean((1 + np.sign(sides[0])) / 2), np.mean((1 - np.sign(sides[1])) / 2)]
    tiny = float(np.finfo(float).tiny)
    return gap, gap / max(float(np.sqrt(spread)), tiny), float(np.mean(own))


def _similarities(matched: Vectors, texts: Vectors, images: Vectors) -> Similarities:
    edges = np.linspace(-1, 1, _BINS + 1)
    ordered = np.sort(matched)
    counts = np.zeros(_BINS, np.int64)
    below = total = 0.0
    for scores in _off_diagonal(texts, images):
        scores.sort()  # makes the look-ups below run through memory in order
        lower = np.searchsorted(ordered, scores, "left")
        upper = np.searchsorted(ordered, scores, "right")
        below += float((lower + upper).sum(dtype=np.float64)) / 2
        total += float(scores.sum(dtype=np.float64))
        counts += np.histogram(np.clip(scores, -1, 1), edges)[0]
    unmatched = len(texts) * (len(texts) - 1)
    return Similarities(
        edges=edges,
        matched=np.histogram(np.clip(matched, -1, 1), edges)[0].astype(np.int64),
        unmatched=counts,
        matched_mean=float(matched.mean(dtype=np.float64)),
        unmatched_mean=total / unmatched,
        auc=1 - below / (unmatched * len(matched)),
    )
