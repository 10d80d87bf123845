"""Captions and the pictures that they describe, as vectors."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from indexer.types import Vectors

Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Pairs:
    """Captions and the pictures that they describe.

    `images` float32 (i, dim) and `texts` float32 (t, dim), rows of unit length; `about` int64 (t,)
    is each caption's row of `images`; captions with the same number in `words` int64 (t,) say the
    same.
    """

    images: Vectors
    texts: Vectors
    about: Numbers
    words: Numbers

    def of(self, pictures: Numbers) -> "Pairs":
        """Returns the pairs of these rows of `images` alone, ascending."""
        kept = np.isin(self.about, pictures)
        about = np.searchsorted(pictures, self.about[kept])
        return Pairs(self.images[pictures], self.texts[kept], about, self.words[kept])


def words(captions: Sequence[str]) -> Numbers:
    """Returns int64 (n,), one number for all captions that are equal but for case and spaces."""
    said = np.array([" ".join(caption.casefold().split()) for caption in captions], object)
    return np.unique(said, return_inverse=True)[1].reshape(-1).astype(np.int64)
