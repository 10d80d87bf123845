"""Which pictures teach, which judge, and whether a taught space is better on those that judge.

Ranks are those of `indexer.evaluation.recall`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from indexer.errors import ConfigError
from indexer.evaluation.pairs import Numbers, Pairs
from indexer.evaluation.recall import rank
from indexer.types import Vectors

LEAST_PICTURES = 250
TEST = "paired sign-flip permutation test over held-out pictures, one-sided"
_ROUNDS = 10_000
_LEVEL = 0.05


@dataclass(frozen=True, slots=True)
class Split:
    """Rows of pictures, int64 ascending: those that teach, that say when to stop, that judge."""

    train: Numbers
    stop: Numbers
    judge: Numbers


@dataclass(frozen=True, slots=True)
class Verdict:
    """Recall at `k` before and after, as shares, and chances that a gain so large is luck.

    `p_text` and `p_image` are the chances of a fall so large, in each direction.
    """

    k: int
    pictures: int
    captions: int
    text_before: float
    text_after: float
    image_before: float
    image_after: float
    p_gain: float
    p_text: float
    p_image: float

    @property
    def accepted(self) -> bool:
        """True if recall rose and neither direction fell, all by chance at most once in 20."""
        rose = self.gain > 0 and self.p_gain < _LEVEL
        return rose and self.p_text >= _LEVEL and self.p_image >= _LEVEL

    @property
    def gain(self) -> float:
        """Mean of both directions after less before."""
        after, before = self.text_after + self.image_after, self.text_before + self.image_before
        return (after - before) / 2


def split(ids: Numbers, images: Vectors, *, seed: int) -> Split:
    """Returns 70 % of the pictures to teach with, 10 % to stop by, 20 % to judge by.

    A picture's part is drawn by its id, so most pictures keep theirs while a library grows.
    Pictures with the same vector, which are copies of each other, go to the same part.

    Args:
        ids: int64 (n,), catalogue ids, ascending.
        images: float32 (n, dim), their vectors.
        seed: Decides the draw.

    Raises:
        ConfigError: there are too few pictures.
    """
    _, first, copy_of = np.unique(images, axis=0, return_index=True, return_inverse=True)
    if len(first) < LEAST_PICTURES:
        raise ConfigError(
            f"the library has {len(first)} different pictures with captions; teaching takes at "
            f"least {LEAST_PICTURES}, of which {LEAST_PICTURES // 5} judge. Caption "
            f"{LEAST_PICTURES - len(first)} more and run atisbo index again."
        )
    order = np.argsort(_drawn(ids[first], seed), kind="stable")
    place = np.empty(len(first), np.int64)
    place[order] = np.arange(len(first))
    share = place[copy_of.reshape(-1)] / len(first)
    return Split(
        train=np.flatnonzero(share >= 0.3),
        stop=np.flatnonzero((share >= 0.2) & (share < 0.3)),
        judge=np.flatnonzero(share < 0.2),
    )


def judge(before: Pairs, after: Pairs, *, seed: int) -> Verdict:
    """Returns recall of both on the same pairs, and what chance makes of the difference.

    k is 10, or a tenth of what is searched where that is less. The test flips the sign of each
    picture's own contribution, its captions' and its own together, since these are not independent.
    """
    old, new = rank(before), rank(after)
    picture, pictures = old.about, len(before.images)
    k = max(1, min(10, pictures // 10, len(picture) // 10))
    text_old, text_new = (one.text_to_image <= k for one in (old, new))
    image_old, image_new = (one.image_to_text <= k for one in (old, new))
    of_text = np.bincount(picture, text_new.astype(float) - text_old, pictures) / len(picture)
    of_image = (image_new.astype(float) - image_old) / pictures
    return Verdict(
        k=k,
        pictures=pictures,
        captions=len(picture),
        text_before=float(text_old.mean()),
        text_after=float(text_new.mean()),
        image_before=float(image_old.mean()),
        image_after=float(image_new.mean()),
        p_gain=_chance((of_text + of_image) / 2, seed),
        p_text=_chance(-of_text, seed),
        p_image=_chance(-of_image, seed),
    )


def _chance(contributions: NDArray[np.float64], seed: int) -> float:
    """Returns how often random signs make a sum as large; 1 where nothing differs."""
    moved = contributions[contributions != 0]
    if not len(moved):
        return 1.0
    generator = np.random.default_rng(seed)
    observed = moved.sum() - 1e-12
    as_large = 0
    for _ in range(_ROUNDS // 100):
        signs = generator.integers(0, 2, (100, len(moved))) * 2.0 - 1
        as_large += int((signs @ moved >= observed).sum())
    return (1 + as_large) / (1 + _ROUNDS)


def _drawn(ids: Numbers, seed: int) -> NDArray[np.uint64]:
    """Returns a number for each id that looks random (the finaliser of SplitMix64)."""
    with np.errstate(over="ignore"):
        x = ids.astype(np.uint64) + np.uint64((seed + 1) * 0x9E3779B97F4A7C15 % 2**64)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return x ^ (x >> np.uint64(31))
